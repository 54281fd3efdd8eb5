// Shows the rules of a table, and that a change loads only the chains it touches.

#include "proxy/dataplane/iptables/ruleset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wherry::proxy::dataplane {
namespace {

using services::Frontend;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

services::Table MakeTable(std::vector<services::Backend> backends) {
  services::Rule rule;
  rule.frontend = {.kind = Frontend::Kind::kClusterIp, .ip = "10.96.0.10", .port = 80};
  rule.service = "default/web:http";
  rule.backends = std::move(backends);
  return {.rules = {rule}};
}

TEST(RulesetTest, SharesAreEqual) {
  const Ruleset rules = BuildRuleset(MakeTable({{.ip = "10.1.0.1", .port = 80},
                                                {.ip = "10.1.0.2", .port = 80},
                                                {.ip = "10.1.0.3", .port = 80}}),
                                     {});
  const std::string text = RestoreInput({}, rules);
  EXPECT_THAT(text, HasSubstr("--probability 0.3333333333"));
  EXPECT_THAT(text, HasSubstr("--probability 0.5000000000"));
  EXPECT_THAT(text, HasSubstr("-d 10.96.0.10/32 -p tcp -m tcp --dport 80"));
  EXPECT_THAT(text, HasSubstr("-j DNAT --to-destination 10.1.0.2:80"));
}

// Answers to the node itself come back whatever source address it chose; pods stay themselves.
TEST(RulesetTest, OnlyPodsKeepTheirAddressBeforeClusterIps) {
  const auto table = MakeTable({{.ip = "10.1.0.1", .port = 80}});
  const std::string text = RestoreInput({}, BuildRuleset(table, {.pod_cidr = "10.1.0.0/16"}));
  EXPECT_THAT(text, ContainsRegex("-A KUBE-SVC-[A-Z2-7]+ ! -s 10.1.0.0/16 .*-j KUBE-MARK-MASQ"));
  EXPECT_THAT(RestoreInput({}, BuildRuleset(table, {})), Not(HasSubstr("! -s")));
}

TEST(RulesetTest, NoBackendsIsARefusal) {
  const std::string text = RestoreInput({}, BuildRuleset(MakeTable({}), {}));
  EXPECT_THAT(text, HasSubstr("has no endpoints\" -j REJECT"));
  EXPECT_THAT(text, Not(HasSubstr("KUBE-SVC")));
}

TEST(RulesetTest, NodePortsLeaveLoopbackAloneWhenAsked) {
  const std::string text = RestoreInput({}, BuildRuleset({}, {.localhost_node_ports = false}));
  EXPECT_THAT(text, HasSubstr("! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS"));
  EXPECT_THAT(text, Not(HasSubstr("localnet connections")));
  EXPECT_THAT(RestoreInput({}, BuildRuleset({}, {})), HasSubstr("! -i lo -d 127.0.0.0/8"));
}

TEST(RulesetTest, OnlyWhatChangedIsLoaded) {
  const Ruleset before = BuildRuleset(MakeTable({{.ip = "10.1.0.1", .port = 80}}), {});
  EXPECT_EQ(RestoreInput(before, before), "");
  const Ruleset after =
      BuildRuleset(MakeTable({{.ip = "10.1.0.1", .port = 80}, {.ip = "10.1.0.2", .port = 80}}), {});
  const std::string text = RestoreInput(before, after);
  EXPECT_THAT(text, HasSubstr(":KUBE-SVC-"));
  EXPECT_THAT(text, Not(HasSubstr(":KUBE-SERVICES")));
  EXPECT_THAT(text, Not(HasSubstr("*filter")));
  EXPECT_THAT(text, HasSubstr("10.1.0.2"));
}

TEST(RulesetTest, ChainsThatAreGoneAreRemoved) {
  const Ruleset before = BuildRuleset(MakeTable({{.ip = "10.1.0.1", .port = 80}}), {});
  const std::string text = RestoreInput(before, BuildRuleset({}, {}));
  EXPECT_THAT(text, HasSubstr("-X KUBE-SVC-"));
  EXPECT_THAT(text, HasSubstr("-X KUBE-SEP-"));
}

}  // namespace
}  // namespace wherry::proxy::dataplane
