// Shows which UDP flows a change of rules must end: those that go where the rules no longer lead,
// and no others.

#include "proxy/dataplane/iptables/stale_flows.h"

#include <gtest/gtest.h>

namespace wherry::proxy::dataplane {
namespace {

using linux::UdpFlow;
using services::Frontend;

linux::Ipv4 Ip(const char* text) { return *linux::ParseIpv4(text); }

UdpFlow Flow(const char* to, uint16_t port, const char* answers_from, uint16_t answers_port) {
  return {.source = Ip("10.244.0.9"),
          .source_port = 40000,
          .destination = Ip(to),
          .destination_port = port,
          .answers_from = Ip(answers_from),
          .answers_from_port = answers_port};
}

services::Rule Dns(Frontend::Kind kind, std::vector<services::Backend> backends) {
  services::Rule rule;
  rule.frontend = {.kind = kind,
                   .ip = kind == Frontend::Kind::kNodePort ? "" : "10.96.0.10",
                   .port = static_cast<uint16_t>(kind == Frontend::Kind::kNodePort ? 30053 : 53),
                   .protocol = services::Protocol::kUdp};
  rule.backends = std::move(backends);
  return rule;
}

UdpRules Rules(std::vector<services::Backend> backends) {
  return UdpRulesOf({.rules = {Dns(Frontend::Kind::kClusterIp, backends),
                               Dns(Frontend::Kind::kNodePort, backends)}});
}

std::vector<UdpFlow> Stale(const UdpFlow& flow, const UdpRules& before, const UdpRules& now) {
  return StaleFlows({flow}, before, now, {Ip("192.168.1.7")});
}

const services::Backend kOld{.ip = "10.244.0.2", .port = 5353};
const services::Backend kNew{.ip = "10.244.0.3", .port = 5353};

TEST(StaleFlowsTest, AFlowToARemovedBackendEnds) {
  const UdpFlow flow = Flow("10.96.0.10", 53, "10.244.0.2", 5353);
  EXPECT_EQ(Stale(flow, Rules({kOld}), Rules({kNew})).size(), 1u);
  EXPECT_TRUE(Stale(flow, Rules({kOld}), Rules({kOld, kNew})).empty());
}

TEST(StaleFlowsTest, AFlowFromBeforeTheFirstBackendEnds) {
  const UdpFlow flow = Flow("10.96.0.10", 53, "10.96.0.10", 53);
  EXPECT_EQ(Stale(flow, Rules({}), Rules({kNew})).size(), 1u);
}

TEST(StaleFlowsTest, AFlowOfARemovedServiceEnds) {
  const UdpFlow flow = Flow("10.96.0.10", 53, "10.244.0.2", 5353);
  EXPECT_EQ(Stale(flow, Rules({kOld}), {}).size(), 1u);
  EXPECT_TRUE(Stale(flow, {}, {}).empty()) << "somebody else's translation";
}

TEST(StaleFlowsTest, NodePortsAreThoseOfThisNodeOnly) {
  EXPECT_EQ(
      Stale(Flow("192.168.1.7", 30053, "10.244.0.2", 5353), Rules({kOld}), Rules({kNew})).size(),
      1u);
  EXPECT_TRUE(Stale(Flow("203.0.113.5", 30053, "203.0.113.5", 30053), Rules({kOld}), Rules({kNew}))
                  .empty());
}

}  // namespace
}  // namespace wherry::proxy::dataplane
