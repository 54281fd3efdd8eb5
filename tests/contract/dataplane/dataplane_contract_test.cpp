// What every dataplane promises, shown with real sockets in a network namespace of the test's own:
// services answer on their cluster address and node port, over TCP and UDP, from all backends; they
// follow changes; without backends they refuse; cleaning up leaves nothing.

#include "lib/linux/fd.h"
#include "lib/linux/netlink.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "proxy/dataplane/iptables/iptables.h"
#include "proxy/dataplane/userspace/userspace.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <future>
#include <set>
#include <thread>

namespace wherry::proxy::dataplane {
namespace {

using linux::Fd;
using services::Frontend;
using services::Protocol;

constexpr const char* kNodeIp = "192.168.77.1";
constexpr const char* kClusterIp = "10.96.0.10";

sockaddr_in Address(const std::string& ip, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, ip.c_str(), &address.sin_addr);
  return address;
}

// Answers each connection, or each datagram, with its own name.
class Backend {
 public:
  Backend(std::string ip, Protocol protocol) : name_(ip), protocol_(protocol) {
    socket_ = Fd(::socket(
        AF_INET, (protocol == Protocol::kTcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const sockaddr_in address = Address(ip, 8080);
    CHECK(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    if (protocol == Protocol::kTcp) CHECK(::listen(socket_.get(), 64) == 0);
    thread_ = std::thread([this] { Serve(); });
  }
  ~Backend() {
    stop_ = true;
    thread_.join();
  }

 private:
  void Serve() {
    while (!stop_) {
      pollfd ready{socket_.get(), POLLIN, 0};
      if (::poll(&ready, 1, 50) <= 0) continue;
      if (protocol_ == Protocol::kTcp) {
        const Fd client(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        EXPECT_EQ(::send(client.get(), name_.data(), name_.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(name_.size()));
      } else {
        char buffer[64];
        sockaddr_in peer{};
        socklen_t size = sizeof peer;
        ::recvfrom(socket_.get(), buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&peer),
                   &size);
        ::sendto(socket_.get(), name_.data(), name_.size(), 0, reinterpret_cast<sockaddr*>(&peer),
                 size);
      }
    }
  }
  std::string name_;
  Protocol protocol_;
  Fd socket_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// The backend's name; "refused" after a reset or an ICMP error, "silent" after a second without an
// answer.
std::string Ask(const std::string& ip, uint16_t port, Protocol protocol) {
  const Fd client(
      ::socket(AF_INET, (protocol == Protocol::kTcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0));
  const timeval second{.tv_sec = 1, .tv_usec = 0};
  ::setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
  ::setsockopt(client.get(), SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second);
  const sockaddr_in address = Address(ip, port);
  if (::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return errno == EINPROGRESS || errno == ETIMEDOUT ? "silent" : "refused";
  }
  if (protocol == Protocol::kUdp && ::send(client.get(), "?", 1, MSG_NOSIGNAL) < 0)
    return "refused";
  char buffer[64];
  const ssize_t size = ::recv(client.get(), buffer, sizeof buffer, 0);
  if (size < 0) return errno == EAGAIN ? "silent" : "refused";
  return size == 0 ? "refused" : std::string(buffer, static_cast<size_t>(size));
}

// The namespace, and a loop that runs in a thread of its own inside it.
class Environment {
 public:
  Environment() {
    CHECK(::unshare(CLONE_NEWNET) == 0);
    auto routes = linux::RouteSocket::Open();
    const int loopback = routes->Link("lo")->index;
    CHECK_OK(routes->SetUp(loopback));
    CHECK_OK(routes->AddBridge("lan", 1500));
    const int lan = routes->Link("lan")->index;
    CHECK_OK(routes->AddAddress(lan, *linux::ParseIpv4Prefix(std::string(kNodeIp) + "/24")));
    CHECK_OK(routes->SetUp(lan));
    CHECK_OK(routes->ReplaceRoute(*linux::ParseIpv4Prefix("0.0.0.0/0"),
                                  *linux::ParseIpv4("192.168.77.254"), lan));
    for (const char* ip : {"10.50.0.1/32", "10.50.0.2/32", "10.50.0.3/32"}) {
      CHECK_OK(routes->AddAddress(loopback, *linux::ParseIpv4Prefix(ip)));
    }
    world_ = std::make_unique<RealWorld>();
    thread_ = std::thread([this] { world_->world().loop.Run(); });
  }
  ~Environment() {
    world_->world().loop.Stop();
    thread_.join();
  }
  World& world() { return world_->world(); }

  // Runs a function on the loop's thread.
  void OnLoop(const std::function<void()>& function) {
    std::promise<void> done;
    world().loop.PostFromAnyThread([&] {
      function();
      done.set_value();
    });
    done.get_future().wait();
  }
  Status Await(std::function<Task<Status>()> make) {
    std::promise<Status> done;
    std::unique_ptr<TaskScope> scope;
    OnLoop([&] {
      scope = std::make_unique<TaskScope>(world().loop);
      scope->Spawn("test", Deliver(std::move(make), &done));
    });
    Status status = done.get_future().get();
    OnLoop([&] { scope.reset(); });
    return status;
  }

 private:
  static Task<void> Deliver(std::function<Task<Status>()> make, std::promise<Status>* done) {
    auto status = co_await make();
    done->set_value(std::move(status));
  }
  std::unique_ptr<RealWorld> world_;
  std::thread thread_;
};

Environment* environment = nullptr;

struct BackendFactory {
  std::string name;
  std::function<std::unique_ptr<Dataplane>(World&)> make;
};

class DataplaneContract : public testing::TestWithParam<BackendFactory> {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "network namespaces need root";
    if (environment == nullptr) environment = new Environment;
    environment->OnLoop([this] { dataplane_ = GetParam().make(environment->world()); });
  }
  void TearDown() override {
    if (dataplane_ == nullptr) return;
    EXPECT_TRUE(environment->Await([this] { return dataplane_->Cleanup(); }).ok());
    environment->OnLoop([this] { dataplane_.reset(); });
  }
  void Apply(std::vector<std::string> ips, Protocol protocol = Protocol::kTcp) {
    services::Rule rule;
    rule.frontend = {
        .kind = Frontend::Kind::kClusterIp, .ip = kClusterIp, .port = 80, .protocol = protocol};
    rule.service = "default/web";
    for (const std::string& ip : ips) rule.backends.push_back({.ip = ip, .port = 8080});
    services::Rule node_port = rule;
    node_port.frontend = {
        .kind = Frontend::Kind::kNodePort, .ip = "", .port = 30080, .protocol = protocol};
    node_port.masquerade = true;
    services::Table table{.rules = {rule, node_port}};
    auto applied = environment->Await([&] { return dataplane_->Apply(table); });
    ASSERT_TRUE(applied.ok()) << applied.error().message;
  }
  static std::set<std::string> AskMany(const std::string& ip, uint16_t port,
                                       Protocol protocol = Protocol::kTcp) {
    std::set<std::string> answers;
    for (int i = 0; i < 60; ++i) answers.insert(Ask(ip, port, protocol));
    return answers;
  }
  std::unique_ptr<Dataplane> dataplane_;
};

using Answers = std::set<std::string>;

TEST_P(DataplaneContract, AllBackendsAnswerOverTcp) {
  Backend one("10.50.0.1", Protocol::kTcp);
  Backend two("10.50.0.2", Protocol::kTcp);
  Apply({"10.50.0.1", "10.50.0.2"});
  EXPECT_EQ(AskMany(kClusterIp, 80), (Answers{"10.50.0.1", "10.50.0.2"}));
  EXPECT_EQ(AskMany(kNodeIp, 30080), (Answers{"10.50.0.1", "10.50.0.2"}));
}

TEST_P(DataplaneContract, AllBackendsAnswerOverUdp) {
  Backend one("10.50.0.1", Protocol::kUdp);
  Backend two("10.50.0.2", Protocol::kUdp);
  Apply({"10.50.0.1", "10.50.0.2"}, Protocol::kUdp);
  EXPECT_EQ(AskMany(kClusterIp, 80, Protocol::kUdp), (Answers{"10.50.0.1", "10.50.0.2"}));
  EXPECT_EQ(AskMany(kNodeIp, 30080, Protocol::kUdp), (Answers{"10.50.0.1", "10.50.0.2"}));
}

TEST_P(DataplaneContract, FollowsItsTable) {
  Backend one("10.50.0.1", Protocol::kTcp);
  Backend three("10.50.0.3", Protocol::kTcp);
  Apply({"10.50.0.1"});
  EXPECT_EQ(AskMany(kClusterIp, 80), (Answers{"10.50.0.1"}));
  Apply({"10.50.0.3"});
  EXPECT_EQ(AskMany(kClusterIp, 80), (Answers{"10.50.0.3"}));
}

TEST_P(DataplaneContract, RefusesWithoutBackends) {
  Apply({});
  EXPECT_EQ(Ask(kClusterIp, 80, Protocol::kTcp), "refused");
  EXPECT_EQ(Ask(kNodeIp, 30080, Protocol::kTcp), "refused");
}

TEST_P(DataplaneContract, TakesOverFromAnEarlierProcess) {
  Backend one("10.50.0.1", Protocol::kTcp);
  Apply({"10.50.0.2"});
  environment->OnLoop([this] {
    dataplane_.reset();
    dataplane_ = GetParam().make(environment->world());
  });
  Apply({"10.50.0.1"});
  EXPECT_EQ(AskMany(kClusterIp, 80), (Answers{"10.50.0.1"}));
}

TEST_P(DataplaneContract, CleanupStopsForwarding) {
  Backend one("10.50.0.1", Protocol::kTcp);
  Apply({"10.50.0.1"});
  EXPECT_EQ(Ask(kNodeIp, 30080, Protocol::kTcp), "10.50.0.1");
  ASSERT_TRUE(environment->Await([this] { return dataplane_->Cleanup(); }).ok());
  EXPECT_EQ(Ask(kNodeIp, 30080, Protocol::kTcp), "refused");
  EXPECT_NE(Ask(kClusterIp, 80, Protocol::kTcp), "10.50.0.1");
}

std::vector<BackendFactory> Factories() {
  auto iptables = [](IptablesOptions::Variant variant) {
    return [variant](World& world) {
      IptablesOptions options;
      options.variant = variant;
      return MakeIptables(world, options);
    };
  };
  return {{"IptablesNft", iptables(IptablesOptions::Variant::kNft)},
          {"IptablesLegacy", iptables(IptablesOptions::Variant::kLegacy)},
          {"Userspace", [](World& world) { return MakeUserspace(world); }}};
}

INSTANTIATE_TEST_SUITE_P(All, DataplaneContract, testing::ValuesIn(Factories()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace wherry::proxy::dataplane
