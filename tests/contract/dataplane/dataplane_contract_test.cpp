// What every dataplane promises, shown with real sockets in a network namespace of the test's own:
// services answer on their cluster address and node port, over TCP and UDP, from all backends; they
// follow changes; without backends they refuse; cleaning up leaves nothing.

#include "proxy/dataplane/iptables/iptables.h"
#include "proxy/dataplane/userspace/userspace.h"
#include "tests/contract/dataplane/environment.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <set>

namespace wherry::proxy::dataplane {
namespace {

using services::Frontend;
using services::Protocol;

constexpr const char* kClusterIp = "10.96.0.10";

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
    ApplyTable({.rules = {rule, node_port}});
  }
  void ApplyTable(services::Table table) {
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

TEST_P(DataplaneContract, PodsReachEachOtherAndThemselves) {
  for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp}) {
    Backend one(Environment::PodIp(0), protocol, &environment->pod(0));
    Backend two(Environment::PodIp(1), protocol, &environment->pod(1));
    Apply({Environment::PodIp(1)}, protocol);
    EXPECT_EQ(environment->AskFromPod(0, kClusterIp, 80, protocol), Environment::PodIp(1));
    EXPECT_EQ(environment->AskFromPod(0, kNodeIp, 30080, protocol), Environment::PodIp(1));
    EXPECT_EQ(environment->AskFromPod(1, kClusterIp, 80, protocol), Environment::PodIp(1))
        << "hairpin";
    EXPECT_EQ(environment->AskFromPod(1, kNodeIp, 30080, protocol), Environment::PodIp(1));
    EXPECT_EQ(Ask(kClusterIp, 80, protocol), Environment::PodIp(1)) << "from the node itself";
    Apply({}, protocol);
    EXPECT_EQ(environment->AskFromPod(0, kClusterIp, 80, protocol), "refused");
  }
}

TEST_P(DataplaneContract, UdpClientThatKeepsItsPortFollowsTheBackends) {
  Backend one("10.50.0.1", Protocol::kUdp);
  Backend two("10.50.0.2", Protocol::kUdp);
  ApplyTable({});
  Client client(Protocol::kUdp, 45000);
  // Before the service exists its address leads nowhere.
  EXPECT_NE(client.Ask(kClusterIp, 80), "10.50.0.1");
  Apply({"10.50.0.1"}, Protocol::kUdp);
  EXPECT_EQ(client.Ask(kClusterIp, 80), "10.50.0.1");
  Apply({"10.50.0.2"}, Protocol::kUdp);
  EXPECT_EQ(client.Ask(kClusterIp, 80), "10.50.0.2");
  EXPECT_EQ(client.Ask(kNodeIp, 30080), "10.50.0.2");
  Apply({"10.50.0.1", "10.50.0.2", "10.50.0.3"}, Protocol::kUdp);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(client.Ask(kClusterIp, 80), "10.50.0.2") << "a flow whose backend stays is kept";
  }
  Apply({"10.50.0.1"}, Protocol::kUdp);
  EXPECT_EQ(client.Ask(kNodeIp, 30080), "10.50.0.1");
}

TEST_P(DataplaneContract, UdpClientFollowsAcrossARestart) {
  Backend one("10.50.0.1", Protocol::kUdp);
  Backend two("10.50.0.2", Protocol::kUdp);
  Client client(Protocol::kUdp, 45001);
  Apply({"10.50.0.2"}, Protocol::kUdp);
  EXPECT_EQ(client.Ask(kClusterIp, 80), "10.50.0.2");
  environment->OnLoop([this] {
    dataplane_.reset();
    dataplane_ = GetParam().make(environment->world());
  });
  Apply({"10.50.0.1"}, Protocol::kUdp);
  EXPECT_EQ(client.Ask(kClusterIp, 80), "10.50.0.1");
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
      options.ruleset.pod_cidr = kPodCidr;
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
