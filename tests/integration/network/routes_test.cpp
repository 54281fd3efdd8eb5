#include "lib/linux/file.h"
#include "lib/linux/netlink.h"
#include "lib/linux/temp_dir.h"
#include "nodeagent/network/pod_network.h"
#include "nodeagent/network/route_table.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace wherry::nodeagent::network {
namespace {

// Each test runs in a network namespace of its own, in a child process, so that nothing is left.
void InNamespace(const std::function<void()>& test) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  pid_t child = ::fork();
  if (child == 0) {
    // /proc/sys/net and /sys show the namespace of whoever opens them; no mount is needed.
    if (::unshare(CLONE_NEWNET) != 0) ::_exit(2);
    test();
    ::_exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

// A link with an address, which stands for the segment that nodes share.
void MakeSegment(const std::string& address) {
  auto socket = linux::RouteSocket::Open();
  ASSERT_TRUE(socket.ok());
  ASSERT_TRUE(socket->AddBridge("segment", 1400).ok());
  auto link = socket->Link("segment");
  ASSERT_TRUE(link.ok());
  EXPECT_EQ(link->mtu, 1400);
  ASSERT_TRUE(socket->AddAddress(link->index, *linux::ParseIpv4Prefix(address)).ok());
  ASSERT_TRUE(socket->SetUp(link->index).ok());
}

TEST(RouteTable, EnsureMakesMovesAndRemovesRoutes) {
  InNamespace([] {
    MakeSegment("10.0.0.1/24");
    auto routes = RouteTable::Open();
    ASSERT_TRUE(routes.ok());
    EXPECT_FALSE(*routes->Via("10.244.2.0/24"));
    for (int i = 0; i < 2; ++i) {
      auto made = routes->Ensure("10.244.2.0/24", "10.0.0.2");
      ASSERT_TRUE(made.ok()) << made.error().message;
    }
    EXPECT_EQ(*routes->Via("10.244.2.0/24"), "10.0.0.2");
    ASSERT_TRUE(routes->Ensure("10.244.2.0/24", "10.0.0.3").ok());
    EXPECT_EQ(*routes->Via("10.244.2.0/24"), "10.0.0.3");
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(routes->Remove("10.244.2.0/24").ok());
    EXPECT_FALSE(*routes->Via("10.244.2.0/24"));
  });
}

TEST(RouteTable, WhatCannotBeReachedIsAnError) {
  InNamespace([] {
    MakeSegment("10.0.0.1/24");
    auto routes = RouteTable::Open();
    EXPECT_FALSE(routes->Ensure("10.244.2.0/24", "192.168.7.7").ok());
    EXPECT_EQ(routes->Ensure("nonsense", "10.0.0.2").error().reason, Reason::kInvalid);
    EXPECT_EQ(routes->Ensure("10.244.2.0/24", "nonsense").error().reason, Reason::kInvalid);
  });
}

TEST(PodNetwork, TheBridgeIsMadeOnceAndTakenOver) {
  InNamespace([] {
    auto directory = linux::TempDir::Make("/tmp", "wherry-network-");
    ASSERT_TRUE(directory.ok());
    PodNetwork::Options options{.directory = directory->path(),
                                .pod_cidr = *linux::ParseIpv4Prefix("10.244.1.0/24"),
                                .bridge = "wherry0",
                                .mtu = 1400};
    for (int i = 0; i < 2; ++i) {
      auto network = PodNetwork::Open(options);
      ASSERT_TRUE(network.ok()) << network.error().message;
      auto attachment = (*network)->Attach("pod");
      ASSERT_TRUE(attachment.ok());
      EXPECT_EQ(attachment->address.ToString(), "10.244.1.2/32");
      EXPECT_EQ(attachment->gateway.ToString(), "10.244.1.1");
      EXPECT_LE(attachment->host_interface.size(), 15u);
      EXPECT_EQ(attachment->mac[0] & 3, 2) << "a local unicast address";
    }
    auto socket = linux::RouteSocket::Open();
    auto bridge = socket->Link("wherry0");
    ASSERT_TRUE(bridge.ok());
    EXPECT_TRUE(bridge->up);
    EXPECT_EQ(bridge->mtu, 1400);
    EXPECT_EQ(socket->Link("absent").error().reason, Reason::kNotFound);
  });
}

std::string Sysctl(const std::string& name) {
  auto text = linux::ReadFile(AT_FDCWD, "/proc/sys/net/" + name);
  return text.ok() ? text->substr(0, text->find('\n')) : text.error().message;
}

PodNetwork::Options OptionsIn(const linux::TempDir& directory) {
  return {.directory = directory.path(),
          .pod_cidr = *linux::ParseIpv4Prefix("10.244.1.0/24"),
          .bridge = "wherry0"};
}

// Pods remember the gateway's MAC address: it must not follow the ports that come and go.
TEST(PodNetwork, TheBridgeKeepsItsMacAddressWhateverPortsItHas) {
  InNamespace([] {
    auto directory = linux::TempDir::Make("/tmp", "wherry-network-");
    auto socket = linux::RouteSocket::Open();
    ASSERT_TRUE(socket->AddBridge("wherry0", 1500).ok()) << "as an earlier version made it";
    ASSERT_TRUE(PodNetwork::Open(OptionsIn(*directory)).ok());
    auto before = socket->Link("wherry0");
    std::array<uint8_t, 6> expected{0x0a, 0x58, 10, 244, 1, 1};
    EXPECT_EQ(before->mac, expected);
    for (const char* name : {"port0", "port1"}) {
      ASSERT_TRUE(socket
                      ->AddVeth({.name = name,
                                 .master = before->index,
                                 .peer_name = std::string(name) + "p",
                                 .peer_pid = ::getpid(),
                                 .mac = {2, 0, 0, 0, 0, 1}})
                      .ok());
    }
    EXPECT_EQ(socket->Link("wherry0")->mac, expected);
  });
}

// CVE-2020-10749: a pod that sends router advertisements becomes the node's gateway.
TEST(PodNetwork, TheBridgeTakesNoPartInIpv6AndSendsNoRedirects) {
  InNamespace([] {
    auto directory = linux::TempDir::Make("/tmp", "wherry-network-");
    ASSERT_TRUE(PodNetwork::Open(OptionsIn(*directory)).ok());
    EXPECT_EQ(Sysctl("ipv4/conf/wherry0/send_redirects"), "0");
    EXPECT_EQ(Sysctl("ipv4/conf/all/send_redirects"), "0");
    if (::access("/proc/sys/net/bridge/bridge-nf-call-iptables", F_OK) == 0) {
      EXPECT_EQ(Sysctl("bridge/bridge-nf-call-iptables"), "0") << "isolated ports need it";
    }
    if (Sysctl("ipv6/conf/lo/accept_ra").size() != 1) return;  // a kernel without IPv6
    EXPECT_EQ(Sysctl("ipv6/conf/wherry0/accept_ra"), "0");
    EXPECT_EQ(Sysctl("ipv6/conf/wherry0/disable_ipv6"), "1");
  });
}

TEST(PodNetwork, PodsGetTheMtuOfTheLinkWithTheNodesAddress) {
  InNamespace([] {
    MakeSegment("10.0.0.1/24");
    auto mtu = MtuOfLinkWith("10.0.0.1");
    ASSERT_TRUE(mtu.ok()) << mtu.error().message;
    EXPECT_EQ(*mtu, 1400);
    EXPECT_EQ(MtuOfLinkWith("10.0.0.2").error().reason, Reason::kNotFound);
    auto socket = linux::RouteSocket::Open();
    ASSERT_TRUE(socket->AddAddress(1, *linux::ParseIpv4Prefix("127.0.0.9/8")).ok());
    EXPECT_EQ(*MtuOfLinkWith("127.0.0.9"), 1500) << "no veth takes the loopback's";
  });
}

}  // namespace
}  // namespace wherry::nodeagent::network
