#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/telemetry/log.h"
#include "proxy/dataplane/userspace/copy.h"
#include "proxy/dataplane/userspace/relay.h"
#include "proxy/dataplane/userspace/sockets.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace wherry::proxy::dataplane {
namespace {

using linux::Fd;
using namespace std::chrono_literals;

constexpr std::chrono::seconds kConnectTimeout = 5s;
constexpr std::chrono::minutes kLogInterval{1};
constexpr telemetry::Logger kLog("kube-proxy");

// Closing with a linger of zero resets the connection: what the kernel would have done without us.
void ResetOnClose(int socket) {
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

// A client's share of a frontend's connections.
class Share {
 public:
  Share(TcpConnections& connections, std::string client_ip)
      : connections_(connections), client_ip_(std::move(client_ip)) {
    ++connections_.by_client[client_ip_];
  }
  ~Share() {
    auto mine = connections_.by_client.find(client_ip_);
    if (--mine->second == 0) connections_.by_client.erase(mine);
  }
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;

 private:
  TcpConnections& connections_;
  std::string client_ip_;
};

Task<Result<Unit>> WaitWritable(Loop& loop, int fd) {
  co_await FdReady(loop, fd, Loop::FdEvent::kWritable);
  co_return Unit{};
}

Task<void> CopyAndTell(Loop& loop, int from, int to, OneShot<Result<Unit>> done) {
  auto result = co_await Copy(loop, from, to);
  done.Set(std::move(result));
}

// Tries the backends, each once, until one takes the connection.
Task<Result<Fd>> ConnectToBackend(World& world, std::shared_ptr<Balancer> balancer,
                                  std::string client_ip) {
  Error last = MakeError(Reason::kServiceUnavailable, "no backend");
  const size_t attempts = balancer->BackendsFor(client_ip).size();
  for (size_t i = 0; i < attempts; ++i) {
    const services::Backend* chosen = balancer->Choose(client_ip, world.loop.MonotonicNow());
    if (chosen == nullptr) break;
    const services::Backend backend = *chosen;
    auto opened = OpenBackend(backend, services::Protocol::kTcp);
    if (opened.ok()) {
      auto writable = co_await WithTimeout(world.loop, kConnectTimeout,
                                           WaitWritable(world.loop, opened->get()));
      Status connected = writable.ok() ? FinishConnect(opened->get(), backend)
                                       : Status(std::move(writable).error());
      if (connected.ok()) co_return std::move(*opened);
      last = std::move(connected).error();
    } else {
      last = std::move(opened).error();
    }
    balancer->Forget(client_ip);
  }
  co_return last;
}

Task<void> RelayConnection(World& world, Fd client, std::string client_ip,
                           std::shared_ptr<Balancer> balancer, std::unique_ptr<Share> /*held*/) {
  const bool admitted = balancer->rule().Admits(client_ip);
  Result<Fd> backend = MakeError(Reason::kForbidden, "not from a source range");
  if (admitted) backend = co_await ConnectToBackend(world, balancer, std::move(client_ip));
  if (!backend.ok()) {
    ResetOnClose(client.get());
    co_return;
  }
  KeepAlive(client.get());
  KeepAlive(backend->get());
  OneShot<Result<Unit>> upstream_done(world.loop);
  TaskScope upstream(world.loop);
  upstream.Spawn("relay to backend",
                 CopyAndTell(world.loop, client.get(), backend->get(), upstream_done));
  auto downstream = co_await Copy(world.loop, backend->get(), client.get());
  // A backend that has ended its side may still be read from by nobody; one that broke takes the
  // client along.
  if (downstream.ok()) {
    auto ended = co_await upstream_done.Wait();
    Ignore(ended, "both directions are over");
  }
}

void LogFull(World& world, TcpConnections& connections, const services::Rule& rule,
             const std::string& who) {
  const MonotonicTime now = world.loop.MonotonicNow();
  if (now < connections.next_log) return;
  connections.next_log = now + kLogInterval;
  kLog.Warn("too many connections at once: new ones wait, or are reset when one client has most",
            {{"service", rule.service},
             {"port", rule.frontend.port},
             {"client", who},
             {"connections", connections.scope.size()}});
}

}  // namespace

Task<void> ServeTcp(World& world, Fd listener, std::shared_ptr<Balancer> balancer,
                    TcpConnections& connections) {
  while (true) {
    if (connections.scope.size() >= connections.limits.all) {
      LogFull(world, connections, balancer->rule(), "");
      co_await SleepFor(world.loop, 50ms);
      continue;
    }
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    Fd client(::accept4(listener.get(), reinterpret_cast<sockaddr*>(&peer), &size,
                        SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client.valid()) {
      if (errno == EMFILE || errno == ENFILE) {
        co_await SleepFor(world.loop, 100ms);
      } else if (errno == EAGAIN) {
        co_await FdReady(world.loop, listener.get(), Loop::FdEvent::kReadable);
      } else {
        co_await Yield(world.loop);
      }
      continue;
    }
    char ip[INET_ADDRSTRLEN] = "";
    ::inet_ntop(AF_INET, &peer.sin_addr, ip, sizeof ip);
    auto share = connections.by_client.find(ip);
    if (share != connections.by_client.end() && share->second >= connections.limits.per_client) {
      LogFull(world, connections, balancer->rule(), ip);
      ResetOnClose(client.get());
      continue;
    }
    auto taken = std::make_unique<Share>(connections, ip);
    connections.scope.Spawn("relay connection", RelayConnection(world, std::move(client), ip,
                                                                balancer, std::move(taken)));
  }
}

}  // namespace wherry::proxy::dataplane
