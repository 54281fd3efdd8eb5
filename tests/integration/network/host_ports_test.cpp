// Host ports with real packets: from another machine, from the node, from another pod and from the
// pod itself; after restarts, flushes and beside Services.

#include "nodeagent/network/host_ports.h"

#include "lib/linux/command.h"
#include "lib/linux/file.h"
#include "lib/linux/temp_dir.h"
#include "proxy/dataplane/iptables/iptables.h"
#include "tests/contract/dataplane/environment.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

namespace wherry::nodeagent::network {
namespace {

using proxy::dataplane::Ask;
using proxy::dataplane::Backend;
using proxy::dataplane::Environment;
using proxy::dataplane::kNodeIp;
using proxy::services::Protocol;

constexpr const char* kBridge = "wbr0";

Environment* environment = nullptr;

class HostPortsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "network namespaces need root";
    if (environment == nullptr) environment = new Environment;
    auto directory = linux::TempDir::Make("/tmp", "wherry-host-ports-");
    ASSERT_TRUE(directory.ok());
    directory_.emplace(std::move(*directory));
    Restart();
  }
  void TearDown() override { EXPECT_TRUE(HostPorts::RemoveAll().ok()); }
  void Restart() { ports_.emplace(kBridge, directory_->path() + "/host-ports"); }

  static PodPorts Pod(int number, std::vector<PortMapping> ports) {
    return {.ip = *linux::ParseIpv4(Environment::PodIp(number)), .ports = std::move(ports)};
  }
  void Add(int number, std::vector<PortMapping> ports) {
    auto added = ports_->Add("pod" + std::to_string(number), Pod(number, std::move(ports)));
    ASSERT_TRUE(added.ok()) << added.error().message;
  }
  static std::string Rules() { return *linux::RunCommand({"iptables-nft-save"}, ""); }
  static std::string RouteLocalnet() {
    return *linux::ReadFile(AT_FDCWD, "/proc/sys/net/ipv4/conf/wbr0/route_localnet");
  }

  std::optional<linux::TempDir> directory_;
  std::optional<HostPorts> ports_;
};

std::string NameOf(Protocol protocol) { return std::string(ProtocolName(protocol)); }

TEST_F(HostPortsTest, AnswerWhoeverAsks) {
  for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp}) {
    Backend pod(Environment::PodIp(0), protocol, &environment->pod(0));
    Add(0, {{.protocol = NameOf(protocol), .host_port = 8081, .container_port = 8080}});
    EXPECT_EQ(environment->AskFromOutside(kNodeIp, 8081, protocol), Environment::PodIp(0));
    EXPECT_EQ(pod.last_client(), "192.168.77.9") << "clients keep their addresses";
    EXPECT_EQ(Ask(kNodeIp, 8081, protocol), Environment::PodIp(0));
    EXPECT_EQ(Ask("127.0.0.1", 8081, protocol), Environment::PodIp(0));
    EXPECT_EQ(environment->AskFromPod(1, kNodeIp, 8081, protocol), Environment::PodIp(0));
    EXPECT_EQ(environment->AskFromPod(0, kNodeIp, 8081, protocol), Environment::PodIp(0))
        << "hairpin";
    EXPECT_EQ(Ask("10.50.0.1", 8081, protocol), Environment::PodIp(0)) << "any node address";
    EXPECT_NE(Ask(kNodeIp, 8080, protocol), Environment::PodIp(0));
  }
}

TEST_F(HostPortsTest, DifferByAddressAndProtocol) {
  Backend one(Environment::PodIp(0), Protocol::kTcp, &environment->pod(0));
  Backend two(Environment::PodIp(1), Protocol::kTcp, &environment->pod(1));
  Backend three(Environment::PodIp(1), Protocol::kUdp, &environment->pod(1));
  Add(0, {{.protocol = "tcp", .host_ip = "127.0.0.1", .host_port = 8081, .container_port = 8080}});
  Add(1, {{.protocol = "tcp", .host_ip = kNodeIp, .host_port = 8081, .container_port = 8080},
          {.protocol = "udp", .host_ip = kNodeIp, .host_port = 8081, .container_port = 8080}});
  EXPECT_EQ(Ask("127.0.0.1", 8081, Protocol::kTcp), Environment::PodIp(0));
  EXPECT_EQ(Ask(kNodeIp, 8081, Protocol::kTcp), Environment::PodIp(1));
  EXPECT_EQ(Ask(kNodeIp, 8081, Protocol::kUdp), Environment::PodIp(1));
  EXPECT_EQ(Ask("127.0.0.1", 8081, Protocol::kUdp), "refused");
}

TEST_F(HostPortsTest, GoWithTheirPod) {
  const std::string before = Rules();
  Backend one(Environment::PodIp(0), Protocol::kTcp, &environment->pod(0));
  Backend two(Environment::PodIp(1), Protocol::kTcp, &environment->pod(1));
  Add(0, {{.protocol = "tcp", .host_port = 8081, .container_port = 8080}});
  Add(1, {{.protocol = "tcp", .host_port = 8082, .container_port = 8080}});
  EXPECT_EQ(RouteLocalnet(), "1\n");
  EXPECT_TRUE(ports_->Remove("pod0").ok());
  EXPECT_EQ(Ask(kNodeIp, 8081, Protocol::kTcp), "refused");
  EXPECT_EQ(Ask(kNodeIp, 8082, Protocol::kTcp), Environment::PodIp(1));
  EXPECT_TRUE(ports_->Remove("pod1").ok());
  EXPECT_EQ(Ask(kNodeIp, 8082, Protocol::kTcp), "refused");
  EXPECT_EQ(Rules().find("WHERRY-"), std::string::npos);
  EXPECT_EQ(RouteLocalnet(), "0\n");
  EXPECT_TRUE(ports_->Remove("pod1").ok()) << "nothing is fine";
}

TEST_F(HostPortsTest, FollowWhatARestartFinds) {
  Backend one(Environment::PodIp(0), Protocol::kTcp, &environment->pod(0));
  Add(0, {{.protocol = "tcp", .host_port = 8081, .container_port = 8080}});
  Add(1, {{.protocol = "tcp", .host_port = 8082, .container_port = 8080}});
  ASSERT_EQ(std::system("iptables-nft -t nat -F"), 0);
  Restart();
  EXPECT_TRUE(
      ports_
          ->Restore(
              {{"pod0", Pod(0, {{.protocol = "tcp", .host_port = 8081, .container_port = 8080}})}})
          .ok());
  EXPECT_EQ(Ask(kNodeIp, 8081, Protocol::kTcp), Environment::PodIp(0));
  EXPECT_EQ(Rules().find("8082"), std::string::npos) << "the pod is gone meanwhile";
  Restart();
  EXPECT_TRUE(ports_->Restore({}).ok());
  EXPECT_EQ(Rules().find("WHERRY-"), std::string::npos);
}

TEST_F(HostPortsTest, WhatAStartCouldNotLoadIsLoadedLater) {
  HostPorts ports("wbr-late", directory_->path() + "/host-ports");
  HostPortTable table;
  table["pod0"] = Pod(0, {{.protocol = "tcp", .host_port = 8081, .container_port = 8080}});
  EXPECT_FALSE(ports.Restore(table).ok()) << "there is no such bridge";
  EXPECT_FALSE(ports.LookAfter().ok()) << "there is none yet";
  auto socket = linux::RouteSocket::Open();
  ASSERT_TRUE(socket.ok());
  ASSERT_TRUE(socket->AddBridge("wbr-late", 1500, {0x0a, 0x58, 1, 2, 3, 4}).ok());
  EXPECT_TRUE(ports.LookAfter().ok());
  EXPECT_EQ(*linux::ReadFile(AT_FDCWD, "/proc/sys/net/ipv4/conf/wbr-late/route_localnet"), "1\n");
  EXPECT_NE(Rules().find("8081"), std::string::npos);
  EXPECT_TRUE(socket->DeleteLink("wbr-late").ok());
}

TEST_F(HostPortsTest, WhatAStartCouldNotRemoveIsRemovedLater) {
  const std::string mark = directory_->path() + "/host-ports";
  ASSERT_TRUE(linux::ReplaceFile(AT_FDCWD, mark, "", 0600, linux::Durability::kPageCache).ok());
  HostPorts ports("wbr-late", mark);
  EXPECT_FALSE(ports.Restore({}).ok()) << "there is no such bridge";
  auto socket = linux::RouteSocket::Open();
  ASSERT_TRUE(socket.ok());
  ASSERT_TRUE(socket->AddBridge("wbr-late", 1500, {0x0a, 0x58, 1, 2, 3, 4}).ok());
  EXPECT_TRUE(ports.LookAfter().ok());
  EXPECT_NE(::access(mark.c_str(), F_OK), 0);
  EXPECT_TRUE(socket->DeleteLink("wbr-late").ok());
}

TEST_F(HostPortsTest, ComeBackAfterAFlush) {
  Backend one(Environment::PodIp(0), Protocol::kTcp, &environment->pod(0));
  Add(0, {{.protocol = "tcp", .host_port = 8081, .container_port = 8080}});
  for (const char* flush :
       {"iptables-nft -t nat -F", "iptables-nft -F", "iptables-nft -t nat -F OUTPUT",
        "iptables-nft -t nat -F && iptables-nft -t nat -X && iptables-nft -F && iptables-nft -X"}) {
    ASSERT_EQ(std::system(flush), 0);
    EXPECT_TRUE(ports_->LookAfter().ok());
    EXPECT_EQ(Ask(kNodeIp, 8081, Protocol::kTcp), Environment::PodIp(0)) << flush;
    EXPECT_NE(Rules().find("-A INPUT -j WHERRY-HOSTPORTS"), std::string::npos) << flush;
  }
  const std::string rules = Rules();
  EXPECT_TRUE(ports_->LookAfter().ok());
  EXPECT_EQ(Rules().size(), rules.size()) << "nothing twice";
}

TEST_F(HostPortsTest, WhatCannotBeLoadedLeavesTheOthersAsTheyWere) {
  Backend one(Environment::PodIp(0), Protocol::kTcp, &environment->pod(0));
  Add(0, {{.protocol = "tcp", .host_port = 8081, .container_port = 8080}});
  auto added = ports_->Add(
      "pod1", Pod(1, {{.protocol = "nonsense", .host_port = 8082, .container_port = 8080}}));
  EXPECT_FALSE(added.ok());
  EXPECT_EQ(Ask(kNodeIp, 8081, Protocol::kTcp), Environment::PodIp(0));
  Add(1, {{.protocol = "tcp", .host_port = 8083, .container_port = 8080}});
}

TEST_F(HostPortsTest, UdpClientThatKeepsItsPortFollowsThePod) {
  Backend one(Environment::PodIp(0), Protocol::kUdp, &environment->pod(0));
  Backend two(Environment::PodIp(1), Protocol::kUdp, &environment->pod(1));
  proxy::dataplane::Client client(Protocol::kUdp, 45010);
  EXPECT_EQ(client.Ask(kNodeIp, 8081), "refused");
  Add(0, {{.protocol = "udp", .host_port = 8081, .container_port = 8080}});
  EXPECT_EQ(client.Ask(kNodeIp, 8081), Environment::PodIp(0));
  EXPECT_TRUE(ports_->Remove("pod0").ok());
  Add(1, {{.protocol = "udp", .host_port = 8081, .container_port = 8080}});
  EXPECT_EQ(client.Ask(kNodeIp, 8081), Environment::PodIp(1));
}

// CVE-2020-8558: 127.0.0.1 answers on host ports by letting loopback addresses leave by the bridge.
TEST_F(HostPortsTest, PodsDoNotReachTheNodesLoopback) {
  Backend own("127.0.0.1", Protocol::kTcp);
  environment->pod(1).Run([] {
    // The way a pod with CAP_NET_ADMIN finds.
    EXPECT_EQ(std::system(
                  "ip address del 127.0.0.1/8 dev lo && ip route add 127.0.0.0/8 via 10.60.0.1 && "
                  "echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet"),
              0);
  });
  ASSERT_EQ(std::system("echo 1 > /proc/sys/net/ipv4/conf/wbr0/route_localnet"), 0);
  EXPECT_EQ(environment->AskFromPod(1, "127.0.0.1", 8080, Protocol::kTcp), "127.0.0.1")
      << "the way is open before";
  Add(0, {{.protocol = "tcp", .host_port = 8081, .container_port = 8080}});
  EXPECT_EQ(environment->AskFromPod(1, "127.0.0.1", 8080, Protocol::kTcp), "silent");
  environment->pod(1).Run([] {
    EXPECT_EQ(
        std::system("ip route del 127.0.0.0/8 via 10.60.0.1 && ip address add 127.0.0.1/8 dev lo"),
        0);
  });
}

TEST_F(HostPortsTest, LiveBesideNodePorts) {
  Backend one(Environment::PodIp(0), Protocol::kTcp, &environment->pod(0));
  Backend two(Environment::PodIp(1), Protocol::kTcp, &environment->pod(1));
  std::unique_ptr<proxy::dataplane::Dataplane> dataplane;
  environment->OnLoop([&] {
    dataplane = proxy::dataplane::MakeIptables(
        environment->world(), {.ruleset = {.pod_cidr = proxy::dataplane::kPodCidr}});
  });
  proxy::services::Rule rule;
  rule.frontend = {.kind = proxy::services::Frontend::Kind::kNodePort, .port = 30080};
  rule.service = "default/web";
  rule.backends = {{.ip = Environment::PodIp(1), .port = 8080}};
  rule.masquerade = true;
  Add(0, {{.protocol = "tcp", .host_port = 8081, .container_port = 8080},
          {.protocol = "tcp", .host_port = 30080, .container_port = 8080}});
  EXPECT_TRUE(environment->Await([&] { return dataplane->Apply({.rules = {rule}}); }).ok());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Ask(kNodeIp, 8081, Protocol::kTcp), Environment::PodIp(0));
    EXPECT_EQ(environment->AskFromOutside(kNodeIp, 8081, Protocol::kTcp), Environment::PodIp(0));
    EXPECT_EQ(Ask(kNodeIp, 30080, Protocol::kTcp), Environment::PodIp(1)) << "Services win";
    // In the other order of coming.
    EXPECT_TRUE(ports_->Remove("pod0").ok());
    Add(0, {{.protocol = "tcp", .host_port = 8081, .container_port = 8080},
            {.protocol = "tcp", .host_port = 30080, .container_port = 8080}});
  }
  EXPECT_TRUE(environment->Await([&] { return dataplane->Cleanup(); }).ok());
  EXPECT_EQ(Ask("127.0.0.1", 8081, Protocol::kTcp), Environment::PodIp(0));
  environment->OnLoop([&] { dataplane.reset(); });
}

}  // namespace
}  // namespace wherry::nodeagent::network
