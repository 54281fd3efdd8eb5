// What every dataplane promises, shown with real sockets in a network namespace of the test's own:
// services answer on their cluster address and node port, over TCP and UDP, from all backends; they
// follow changes; without backends they refuse; cleaning up leaves nothing.

#include "proxy/dataplane/iptables/iptables.h"
#include "proxy/dataplane/userspace/userspace.h"
#include "tests/contract/dataplane/environment.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
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
  std::string program;               // that shows its rules; "" when it has none
  std::vector<std::string> flushes;  // commands of others that take away what it made
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
  bool IsIntact() {
    bool intact = false;
    const Status asked = environment->Await(
        [this, &intact]() -> Task<Status> { return AskIfIntact(dataplane_.get(), &intact); });
    EXPECT_TRUE(asked.ok());
    return intact;
  }
  static Task<Status> AskIfIntact(Dataplane* dataplane, bool* intact) {
    CO_TRY(*intact, co_await dataplane->Intact());
    co_return Ok();
  }
  static constexpr const char* kRouteLocalnet = "/proc/sys/net/ipv4/conf/all/route_localnet";
  static void SetRouteLocalnet(const std::string& value) { std::ofstream(kRouteLocalnet) << value; }
  static std::string RouteLocalnet() {
    std::string value;
    std::ifstream(kRouteLocalnet) >> value;
    return value;
  }
  // In the node's namespace.
  static int RunShell(const std::string& line) { return std::system(line.c_str()); }
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

TEST_P(DataplaneContract, OpenConnectionsOutliveTheLastReadyBackend) {
  PatientBackend backend;
  Apply({"10.50.0.1"});
  const auto connection = backend.Connect(kClusterIp, 80);
  ASSERT_TRUE(connection.Works());
  Apply({});
  EXPECT_TRUE(connection.Works());
  EXPECT_EQ(Ask(kClusterIp, 80, Protocol::kTcp), "refused");
  Apply({"10.50.0.1"});
  EXPECT_TRUE(connection.Works());
  EXPECT_TRUE(backend.Connect(kClusterIp, 80).Works());
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

TEST_P(DataplaneContract, NodePortsAnswerOnLoopback) {
  for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp}) {
    Backend pod(Environment::PodIp(0), protocol, &environment->pod(0));
    Apply({Environment::PodIp(0)}, protocol);
    EXPECT_EQ(Ask("127.0.0.1", 30080, protocol), Environment::PodIp(0));
  }
}

// CVE-2020-8558: what listens on the node's loopback address is nobody else's business.
TEST_P(DataplaneContract, LoopbackStaysTheNodesOwn) {
  for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp}) {
    Backend own("127.0.0.1", protocol);
    SetRouteLocalnet("1");
    EXPECT_EQ(environment->AskLoopbackFromOutside(8080, protocol), "127.0.0.1")
        << "the way is open before";
    SetRouteLocalnet("0");
    Apply({"10.50.0.1"}, protocol);
    EXPECT_EQ(environment->AskLoopbackFromOutside(8080, protocol), "silent");
    EXPECT_EQ(Ask("127.0.0.1", 8080, protocol), "127.0.0.1");
    EXPECT_TRUE(environment->Await([this] { return dataplane_->Cleanup(); }).ok());
    EXPECT_EQ(RouteLocalnet(), "0");
    EXPECT_EQ(environment->AskLoopbackFromOutside(8080, protocol), "silent");
  }
}

// What was on before us, or is found on by a process after a restart, is as it was in the end.
TEST_P(DataplaneContract, CleanupRestoresRouteLocalnet) {
  for (const std::string before : {"0", "1"}) {
    SetRouteLocalnet(before);
    Apply({"10.50.0.1"});
    environment->OnLoop([this] {
      dataplane_.reset();
      dataplane_ = GetParam().make(environment->world());
    });
    Apply({"10.50.0.2"});
    environment->OnLoop([this] {
      dataplane_.reset();
      dataplane_ = GetParam().make(environment->world());
    });
    EXPECT_TRUE(environment->Await([this] { return dataplane_->Cleanup(); }).ok());
    EXPECT_EQ(RouteLocalnet(), before);
  }
  SetRouteLocalnet("0");
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

TEST_P(DataplaneContract, PolicyLocalBindsClientsFromOutsideOnly) {
  Backend far("10.50.0.1", Protocol::kTcp);
  Backend near("10.50.0.2", Protocol::kTcp);
  services::Rule rule;
  rule.frontend = {.kind = Frontend::Kind::kNodePort, .port = 30080};
  rule.service = "default/web";
  rule.inside_backends = {{.ip = "10.50.0.1", .port = 8080}};
  rule.drop_when_empty = true;
  ApplyTable({.rules = {rule}});
  EXPECT_EQ(Ask(kNodeIp, 30080, Protocol::kTcp), "10.50.0.1") << "from the node itself";
  EXPECT_EQ(environment->AskFromPod(0, kNodeIp, 30080, Protocol::kTcp), "10.50.0.1");
  EXPECT_NE(environment->AskFromOutside(kNodeIp, 30080, Protocol::kTcp), "10.50.0.1");
  rule.backends = {{.ip = "10.50.0.2", .port = 8080}};
  rule.drop_when_empty = false;
  ApplyTable({.rules = {rule}});
  EXPECT_EQ(environment->AskFromOutside(kNodeIp, 30080, Protocol::kTcp), "10.50.0.2");
  EXPECT_EQ(environment->AskFromPod(0, kNodeIp, 30080, Protocol::kTcp), "10.50.0.1");
}

TEST_P(DataplaneContract, SourceRangesKeepOthersOut) {
  for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp}) {
    Backend one("10.50.0.1", protocol);
    services::Rule rule;
    rule.frontend = {
        .kind = Frontend::Kind::kExternalIp, .ip = "203.0.113.7", .port = 80, .protocol = protocol};
    rule.service = "default/web";
    rule.backends = {{.ip = "10.50.0.1", .port = 8080}};
    rule.masquerade = true;
    ApplyTable({.rules = {rule}});
    EXPECT_EQ(environment->AskFromPod(0, "203.0.113.7", 80, protocol), "10.50.0.1");
    EXPECT_EQ(environment->AskFromPod(1, "203.0.113.7", 80, protocol), "10.50.0.1");
    rule.source_ranges = {{*services::SourceRange::Parse(Environment::PodIp(0) + "/32")}};
    ApplyTable({.rules = {rule}});
    EXPECT_EQ(environment->AskFromPod(0, "203.0.113.7", 80, protocol), "10.50.0.1");
    EXPECT_NE(environment->AskFromPod(1, "203.0.113.7", 80, protocol), "10.50.0.1");
    EXPECT_NE(Ask("203.0.113.7", 80, protocol), "10.50.0.1") << "from the node";
    rule.source_ranges = std::vector<services::SourceRange>{};
    ApplyTable({.rules = {rule}});
    EXPECT_NE(environment->AskFromPod(0, "203.0.113.7", 80, protocol), "10.50.0.1");
  }
}

TEST_P(DataplaneContract, PutsBackWhatOthersTook) {
  Backend one("10.50.0.1", Protocol::kTcp);
  Apply({"10.50.0.1"});
  EXPECT_TRUE(IsIntact());
  ASSERT_FALSE(GetParam().flushes.empty());
  for (const std::string& flush : GetParam().flushes) {
    ASSERT_EQ(RunShell(flush), 0) << flush;
    EXPECT_FALSE(IsIntact()) << flush;
    Apply({"10.50.0.1"});
    EXPECT_EQ(Ask(kClusterIp, 80, Protocol::kTcp), "10.50.0.1") << flush;
    EXPECT_TRUE(IsIntact()) << flush;
  }
}

TEST_P(DataplaneContract, SeesAFlushThatAnotherChangeFollows) {
  Backend one("10.50.0.1", Protocol::kTcp);
  Apply({"10.50.0.1", "10.50.0.2"});
  ASSERT_EQ(RunShell(GetParam().flushes.front()), 0);
  Apply({"10.50.0.1"});
  EXPECT_EQ(AskMany(kClusterIp, 80), (Answers{"10.50.0.1"}));
}

TEST_P(DataplaneContract, LeavesTheRulesOfOthersAlone) {
  if (GetParam().program.empty()) GTEST_SKIP() << "has no rules";
  const std::string program = GetParam().program;
  // As upstream's kubelet beside us.
  ASSERT_EQ(RunShell(program + " -N KUBE-FIREWALL && " + program +
                     " -A KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP && " + program +
                     " -I OUTPUT -j KUBE-FIREWALL"),
            0);
  Backend one("10.50.0.1", Protocol::kTcp);
  Apply({"10.50.0.1"});
  EXPECT_EQ(Ask(kClusterIp, 80, Protocol::kTcp), "10.50.0.1");
  EXPECT_TRUE(IsIntact());
  EXPECT_TRUE(environment->Await([this] { return dataplane_->Cleanup(); }).ok());
  EXPECT_EQ(RunShell(program + " -C OUTPUT -j KUBE-FIREWALL"), 0);
  EXPECT_EQ(RunShell(program + " -D OUTPUT -j KUBE-FIREWALL && " + program +
                     " -F KUBE-FIREWALL && " + program + " -X KUBE-FIREWALL"),
            0);
}

TEST_P(DataplaneContract, CleanupStopsForwarding) {
  Backend one("10.50.0.1", Protocol::kTcp);
  Apply({"10.50.0.1"});
  EXPECT_EQ(Ask(kNodeIp, 30080, Protocol::kTcp), "10.50.0.1");
  ASSERT_TRUE(environment->Await([this] { return dataplane_->Cleanup(); }).ok());
  EXPECT_EQ(Ask(kNodeIp, 30080, Protocol::kTcp), "refused");
  EXPECT_NE(Ask(kClusterIp, 80, Protocol::kTcp), "10.50.0.1");
}

TEST(UserspaceLimits, NoClientKeepsTheOthersOut) {
  if (::geteuid() != 0) GTEST_SKIP() << "network namespaces need root";
  if (environment == nullptr) environment = new Environment;
  std::unique_ptr<Dataplane> dataplane;
  environment->OnLoop([&] {
    dataplane = MakeUserspace(environment->world(),
                              {.pod_cidr = kPodCidr, .connections_per_client_max = 2});
  });
  services::Rule rule;
  rule.frontend = {.kind = Frontend::Kind::kNodePort, .ip = "", .port = 30080};
  rule.service = "default/web";
  rule.backends.push_back({.ip = "10.50.0.1", .port = 8080});
  const services::Table table{.rules = {rule}};
  ASSERT_TRUE(environment->Await([&] { return dataplane->Apply(table); }).ok());
  {
    PatientBackend backend;
    const auto one = backend.Connect(kNodeIp, 30080);
    auto two = backend.Connect(kNodeIp, 30080);
    EXPECT_TRUE(one.Works());
    EXPECT_TRUE(two.Works());
    EXPECT_FALSE(backend.Connect(kNodeIp, 30080).Works()) << "its share is used up";
    EXPECT_TRUE(backend.Connect("127.0.0.1", 30080).Works()) << "another address has its own";
    two = {};
    bool again = false;
    for (int i = 0; i < 20 && !again; ++i) again = backend.Connect(kNodeIp, 30080).Works();
    EXPECT_TRUE(again) << "what ended is given back";
    EXPECT_TRUE(one.Works());
  }
  EXPECT_TRUE(environment->Await([&] { return dataplane->Cleanup(); }).ok());
  environment->OnLoop([&] { dataplane.reset(); });
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
  // By hand; as a firewall that starts anew; one chain only, then one jump only.
  auto flushes = [](const std::string& program) -> std::vector<std::string> {
    return {program + " -t nat -F", program + " -F",
            program + " -t nat -F && " + program + " -t nat -X && " + program + " -F && " +
                program + " -X",
            program + " -t nat -F KUBE-SERVICES", program + " -t nat -F OUTPUT"};
  };
  return {{.name = "IptablesNft",
           .make = iptables(IptablesOptions::Variant::kNft),
           .program = "iptables-nft",
           .flushes = flushes("iptables-nft")},
          {.name = "IptablesLegacy",
           .make = iptables(IptablesOptions::Variant::kLegacy),
           .program = "iptables-legacy",
           .flushes = flushes("iptables-legacy")},
          {.name = "Userspace",
           .make = [](World& world) { return MakeUserspace(world, {.pod_cidr = kPodCidr}); },
           .flushes = {"ip address del 10.96.0.10/32 dev lo"}}};
}

INSTANTIATE_TEST_SUITE_P(All, DataplaneContract, testing::ValuesIn(Factories()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace wherry::proxy::dataplane
