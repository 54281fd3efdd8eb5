// Loads any Kubernetes API as a client of its own, and prints one line of JSON. One thread and
// epoll: where client and server share two cores, whatever the client takes the server lacks.
//
//   api_load namespace NAME               creates it and waits a second at most for its account
//   api_load create COUNT                 creates COUNT bound pods, each durable before its answer
//   api_load request COUNT METHOD TARGET  the same request again and again
//   api_load running COUNT ROUNDS         creates COUNT pods until all run on a watch, then deletes
//                                         them until all are gone (not with --keep)
//   api_load exit PID                     kills a container's process, waits for its exit code
//
// Options: --server IP:PORT --token T --ca FILE --connections N --namespace NS --node NAME
//          --image REF --padding BYTES
//          --account-token              pods get a token of their service account
//          --holds TEXT --times N         each response's body must hold TEXT N times

#include "lib/base/check.h"
#include "tests/bench/api_connection.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace wherry::bench {
namespace {

using Clock = ApiConnection::Clock;

struct Options {
  Server server;
  size_t connections = 1;
  std::string ns = "bench";
  std::string node = "no-such-node";
  std::string image = "hello:v1";
  std::string holds;
  size_t times = 0;
  size_t padding = 0;
  bool keep = false;
  bool account_token = false;
};

struct Request {
  std::string method;
  std::string target;
  std::string body;
};

double Milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

size_t Count(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size())) {
    ++count;
  }
  return count;
}

// `padding` bytes of annotations bring an object to the size that a server under test would give
// it.
std::string PodBody(const Options& options, const std::string& name, size_t padding = 0) {
  return R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":")" + name + R"(","namespace":")" +
         options.ns + R"(","labels":{"app":"bench","tier":"web","track":"stable"},)" +
         R"("annotations":{"example.com/padding":")" + std::string(padding, 'x') +
         R"("}},"spec":{"nodeName":")" + options.node + R"(","automountServiceAccountToken":)" +
         (options.account_token ? "true" : "false") + R"(,"restartPolicy":"Never",)" +
         R"("terminationGracePeriodSeconds":5,"containers":[{"name":"hello","image":")" +
         options.image + R"(","imagePullPolicy":"IfNotPresent","command":["/hello","8080"],)" +
         R"("env":[{"name":"POD_NAME","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}},)" +
         R"({"name":"DRAIN_MS","value":"0"}],"ports":[{"name":"http","containerPort":8080}],)" +
         R"("resources":{"requests":{"cpu":"1m","memory":"1Mi"},"limits":{"memory":"64Mi"}}}]}})";
}

std::string PodsPath(const Options& options) {
  return "/api/v1/namespaces/" + options.ns + "/pods";
}

// --- many requests over many connections -------------------------------------------------------

struct LoadResult {
  Clock::duration elapsed{};
  std::vector<double> latencies_ms;
  size_t wrong = 0;
  size_t bytes = 0;
};

LoadResult RunRequests(const Options& options, size_t count, int expected_status,
                       const std::function<Request(size_t)>& make) {
  const TlsContext context = MakeTlsContext(options.server);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<ApiConnection>> connections;
  for (size_t i = 0; i < std::min(options.connections, count); ++i) {
    connections.push_back(std::make_unique<ApiConnection>(options.server, context.get()));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = connections.back().get();
    epoll_ctl(epoll, EPOLL_CTL_ADD, connections.back()->fd(), &event);
  }
  LoadResult result;
  size_t sent = 0;
  auto send = [&](ApiConnection& connection) {
    const Request request = make(sent++);
    connection.Send(request.method, request.target, request.body);
  };
  const Clock::time_point start = Clock::now();
  for (const auto& connection : connections) send(*connection);
  std::array<epoll_event, 64> events;
  while (result.latencies_ms.size() < count) {
    const int ready = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 60'000);
    CHECK_THAT(ready > 0, "the server is silent for a minute");
    for (int i = 0; i < ready; ++i) {
      auto& connection = *static_cast<ApiConnection*>(events[static_cast<size_t>(i)].data.ptr);
      if (!connection.Receive()) continue;
      result.latencies_ms.push_back(Milliseconds(Clock::now() - connection.sent_at()));
      result.elapsed = Clock::now() - start;
      result.bytes += connection.body().size();
      const bool right =
          connection.status() == expected_status &&
          (options.holds.empty() || Count(connection.body(), options.holds) == options.times);
      if (!right && ++result.wrong <= 3) {
        std::cerr << "status " << connection.status() << ": " << connection.body().substr(0, 400)
                  << "\n";
      }
      if (sent < count) send(connection);
    }
  }
  close(epoll);
  std::sort(result.latencies_ms.begin(), result.latencies_ms.end());
  return result;
}

int Print(const LoadResult& result) {
  const size_t count = result.latencies_ms.size();
  const double seconds = Milliseconds(result.elapsed) / 1000;
  std::cout << "{\"count\":" << count << ",\"seconds\":" << seconds
            << ",\"per_second\":" << static_cast<double>(count) / seconds
            << ",\"p50_ms\":" << result.latencies_ms[count / 2]
            << ",\"p99_ms\":" << result.latencies_ms[count * 99 / 100]
            << ",\"bytes\":" << result.bytes << ",\"wrong\":" << result.wrong << "}\n";
  return result.wrong == 0 ? 0 : 1;
}

// Upstream refuses pods in a namespace without the account that a controller makes.
int MakeNamespace(const Options& options, const std::string& name) {
  const TlsContext context = MakeTlsContext(options.server);
  ApiConnection connection(options.server, context.get());
  connection.Ask("POST", "/api/v1/namespaces",
                 R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":")" + name + "\"}}");
  CHECK_THAT(connection.status() == 201, "create the namespace");
  for (int i = 0; i < 100; ++i) {
    connection.Ask("GET", "/api/v1/namespaces/" + name + "/serviceaccounts/default");
    if (connection.status() == 200) break;
    usleep(10'000);
  }
  std::cout << "{}\n";
  return 0;
}

int Create(const Options& options, size_t count) {
  return Print(RunRequests(options, count, 201, [&options](size_t i) {
    return Request{"POST", PodsPath(options),
                   PodBody(options, "pod-" + std::to_string(i), options.padding)};
  }));
}

// --- what a watch shows ------------------------------------------------------------------------

// Follows the pods of a namespace. A line is searched for what is wanted and not parsed.
class PodWatch {
 public:
  PodWatch(const Options& options, SSL_CTX* context) : connection_(options.server, context) {
    ApiConnection list(options.server, context);
    list.Ask("GET", PodsPath(options) + "?limit=1");
    constexpr std::string_view kRevision = "\"resourceVersion\":\"";
    const size_t at = list.body().find(kRevision);
    CHECK_THAT(list.status() == 200 && at != std::string::npos, "LIST of the pods");
    const size_t from = at + kRevision.size();
    const std::string revision = list.body().substr(from, list.body().find('"', from) - from);
    connection_.Send("GET", PodsPath(options) + "?watch=1&resourceVersion=" + revision);
  }

  // Waits until `seen` says so of an event's line.
  void Until(const std::function<bool(std::string_view line)>& seen) {
    const Clock::time_point end = Clock::now() + std::chrono::seconds(120);
    while (true) {
      std::string& body = connection_.body();
      size_t from = 0;
      bool done = false;
      for (size_t line_end = body.find('\n'); line_end != std::string::npos && !done;
           line_end = body.find('\n', from)) {
        done = seen(std::string_view(body).substr(from, line_end - from));
        from = line_end + 1;
      }
      body.erase(0, from);
      if (done) return;
      CHECK_THAT(Clock::now() < end, "what was waited for did not come within two minutes");
      pollfd readable{.fd = connection_.fd(), .events = POLLIN, .revents = 0};
      poll(&readable, 1, 1000);
      CHECK_THAT(!connection_.Receive(), "the watch ended");
    }
  }

 private:
  ApiConnection connection_;
};

std::string NameIn(std::string_view line) {
  constexpr std::string_view kName = "\"name\":\"";
  const size_t from = line.find(kName, line.find("\"metadata\":")) + kName.size();
  return std::string(line.substr(from, line.find('"', from) - from));
}

int Running(const Options& options, size_t count, size_t rounds) {
  const TlsContext context = MakeTlsContext(options.server);
  PodWatch watch(options, context.get());
  std::string running;
  std::string gone;
  for (size_t round = 0; round < rounds; ++round) {
    std::set<std::string> waiting;
    std::vector<Request> creates;
    std::vector<Request> deletes;
    for (size_t i = 0; i < count; ++i) {
      const std::string name = options.ns + "-" + std::to_string(round) + "-" + std::to_string(i);
      waiting.insert(name);
      creates.push_back({"POST", PodsPath(options), PodBody(options, name)});
      deletes.push_back({"DELETE", PodsPath(options) + "/" + name, ""});
    }
    const auto until_none_waits = [&](std::string_view text) {
      watch.Until([&](std::string_view line) {
        if (line.find(text) != std::string_view::npos) waiting.erase(NameIn(line));
        return waiting.empty();
      });
    };
    Clock::time_point start = Clock::now();
    CHECK(RunRequests(options, count, 201, [&](size_t i) { return creates[i]; }).wrong == 0);
    until_none_waits("\"phase\":\"Running\"");
    running += (running.empty() ? "" : ",") + std::to_string(Milliseconds(Clock::now() - start));
    if (options.keep) continue;
    for (const Request& request : deletes) {
      waiting.insert(request.target.substr(request.target.rfind('/') + 1));
    }
    start = Clock::now();
    CHECK(RunRequests(options, count, 200, [&](size_t i) { return deletes[i]; }).wrong == 0);
    until_none_waits("{\"type\":\"DELETED\"");
    gone += (gone.empty() ? "" : ",") + std::to_string(Milliseconds(Clock::now() - start));
  }
  std::cout << "{\"running_ms\":[" << running << "],\"gone_ms\":[" << gone << "]}\n";
  return 0;
}

int Exit(const Options& options, pid_t pid) {
  const TlsContext context = MakeTlsContext(options.server);
  PodWatch watch(options, context.get());
  const Clock::time_point start = Clock::now();
  CHECK_THAT(kill(pid, SIGKILL) == 0, "kill the container's process");
  watch.Until([](std::string_view line) {
    return line.find("\"exitCode\":137") != std::string_view::npos;
  });
  std::cout << "{\"ms\":" << Milliseconds(Clock::now() - start) << "}\n";
  return 0;
}

int Main(int argc, char** argv) {
  Options options;
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const std::map<std::string, std::function<void(const std::string&)>> flags = {
        {"--server",
         [&](const std::string& v) {
           options.server.address = v.substr(0, v.rfind(':'));
           options.server.port = static_cast<uint16_t>(std::stoul(v.substr(v.rfind(':') + 1)));
         }},
        {"--token", [&](const std::string& v) { options.server.bearer_token = v; }},
        {"--ca", [&](const std::string& v) { options.server.ca_file = v; }},
        {"--connections", [&](const std::string& v) { options.connections = std::stoul(v); }},
        {"--namespace", [&](const std::string& v) { options.ns = v; }},
        {"--node", [&](const std::string& v) { options.node = v; }},
        {"--image", [&](const std::string& v) { options.image = v; }},
        {"--holds", [&](const std::string& v) { options.holds = v; }},
        {"--padding", [&](const std::string& v) { options.padding = std::stoul(v); }},
        {"--times", [&](const std::string& v) { options.times = std::stoul(v); }},
    };
    const auto flag = flags.find(word);
    if (word == "--keep") {
      options.keep = true;
    } else if (word == "--account-token") {
      options.account_token = true;
    } else if (flag == flags.end()) {
      words.push_back(word);
    } else {
      CHECK_THAT(i + 1 < argc, "the option wants a value");
      flag->second(argv[++i]);
    }
  }
  if (words.size() == 2 && words[0] == "namespace") return MakeNamespace(options, words[1]);
  if (words.size() == 2 && words[0] == "create") return Create(options, std::stoul(words[1]));
  if (words.size() == 4 && words[0] == "request") {
    return Print(RunRequests(options, std::stoul(words[1]), 200,
                             [&words](size_t) { return Request{words[2], words[3], ""}; }));
  }
  if (words.size() == 3 && words[0] == "running") {
    return Running(options, std::stoul(words[1]), std::stoul(words[2]));
  }
  if (words.size() == 2 && words[0] == "exit") {
    return Exit(options, static_cast<pid_t>(std::stol(words[1])));
  }
  std::cerr << "the head of tests/bench/api_load.cpp says how to use this\n";
  return 2;
}

}  // namespace
}  // namespace wherry::bench

int main(int argc, char** argv) { return wherry::bench::Main(argc, argv); }
