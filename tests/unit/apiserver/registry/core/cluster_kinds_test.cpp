#include "apiserver/registry/core/strategies.h"
#include "tests/unit/apiserver/registry/core/strategy_case.h"

#include <gtest/gtest.h>

namespace wherry::apiserver::registry {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Namespace, BeginsActiveWithFinalizerAndLabel) {
  auto strategy = core::MakeNamespaceStrategy();
  auto ns = Decode(*strategy, json::parse(R"({"metadata": {"name": "team"},
                                              "status": {"phase": "Terminating"}})"));
  strategy->PrepareForCreate({.now = kNow}, *ns);
  json stored = Encode(*ns);
  EXPECT_EQ(stored["spec"]["finalizers"], json::parse(R"(["kubernetes"])"));
  EXPECT_EQ(stored["status"]["phase"], "Active");
  EXPECT_EQ(stored["metadata"]["labels"]["kubernetes.io/metadata.name"], "team");
  EXPECT_TRUE(strategy->HoldsDeletion(*ns));
  strategy->PrepareForDelete(*ns);
  EXPECT_EQ(Encode(*ns)["status"]["phase"], "Terminating");
  EXPECT_THAT(Cells(*strategy, stored), ElementsAre("team", "Active", "<unknown>"));
}

TEST(Namespace, OnlyFinalizeTakesFinalizersAway) {
  auto strategy = core::MakeNamespaceStrategy();
  json ns =
      json::parse(R"({"metadata": {"name": "team"}, "spec": {"finalizers": ["kubernetes"]}})");
  json emptied = With(ns, "/spec/finalizers", json::array());
  auto old = Decode(*strategy, ns);
  auto updated = Decode(*strategy, emptied);
  strategy->PrepareForUpdate({.now = kNow}, *updated, *old);
  EXPECT_TRUE(strategy->HoldsDeletion(*updated));
  auto finalized = Decode(*strategy, emptied);
  strategy->SubresourceStrategy("finalize")->PrepareForUpdate({.now = kNow}, *finalized, *old);
  EXPECT_FALSE(strategy->HoldsDeletion(*finalized));
  EXPECT_THAT(CreateErrors(*strategy, With(ns, "/spec/finalizers/0", "mine")),
              ElementsAre(R"(spec.finalizers: Invalid value: "mine": name is neither a standard )"
                          "finalizer name nor is it fully qualified"));
}

TEST(Namespace, NamesAreLabels) {
  auto strategy = core::MakeNamespaceStrategy();
  EXPECT_THAT(strategy->ValidateName("team-1", false), IsEmpty());
  EXPECT_THAT(strategy->ValidateName("team.1", false), ::testing::SizeIs(1));
  EXPECT_THAT(strategy->ValidateName("team-", true), IsEmpty());
}

json Node() {
  return json::parse(R"({
    "metadata": {"name": "n1", "labels": {"node-role.kubernetes.io/worker": "",
                                          "node-role.kubernetes.io/control-plane": ""}},
    "spec": {"podCIDR": "10.244.0.0/24"},
    "status": {"capacity": {"cpu": "2", "pods": "110"},
               "conditions": [{"type": "Ready", "status": "True"}],
               "addresses": [{"type": "InternalIP", "address": "192.0.2.10"},
                             {"type": "Hostname", "address": "n1"}],
               "nodeInfo": {"kubeletVersion": "v1.28.0", "osImage": "Debian 12",
                            "kernelVersion": "6.1", "containerRuntimeVersion": "native://1"}}})");
}

TEST(Node, RegistersWithItsStatus) {
  auto strategy = core::MakeNodeStrategy();
  auto node = Decode(*strategy, Node());
  strategy->PrepareForCreate({.now = kNow}, *node);
  json stored = Encode(*node);
  EXPECT_EQ(stored["status"]["allocatable"], stored["status"]["capacity"]);
  EXPECT_EQ(stored["spec"]["podCIDRs"], json::parse(R"(["10.244.0.0/24"])"));
}

TEST(Node, PrintsRowsAsUpstream) {
  auto strategy = core::MakeNodeStrategy();
  EXPECT_THAT(Cells(*strategy, Node()),
              ElementsAre("n1", "Ready", "control-plane,worker", "<unknown>", "v1.28.0",
                          "192.0.2.10", "<none>", "Debian 12", "6.1", "native://1"));
  json node = With(Node(), "/status/conditions/0/status", "Unknown");
  EXPECT_EQ(Cells(*strategy, With(node, "/spec/unschedulable", true))[1],
            "NotReady,SchedulingDisabled");
  node["status"].erase("conditions");
  EXPECT_EQ(Cells(*strategy, node)[1], "Unknown");
}

TEST(Node, TaintsCIDRsAndAddressesAreChecked) {
  auto strategy = core::MakeNodeStrategy();
  EXPECT_THAT(CreateErrors(*strategy, Node()), IsEmpty());
  EXPECT_THAT(CreateErrors(*strategy, With(Node(), "/spec/taints/0", {{"key", "a"}})),
              ElementsAre("metadata.taints[0].effect: Required value"));
  EXPECT_THAT(
      CreateErrors(*strategy, With(Node(), "/spec/podCIDR", "here")),
      ElementsAre(R"(spec.podCIDRs[0]: Invalid value: []string{"here"}: must be valid CIDR)"));
  EXPECT_THAT(
      UpdateErrors(*strategy, *strategy, Node(), With(Node(), "/spec/podCIDR", "10.244.1.0/24")),
      ElementsAre(
          R"(spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid)"));
  json twice = With(Node(), "/status/addresses/1", Node()["status"]["addresses"][0]);
  EXPECT_THAT(UpdateErrors(*strategy, *strategy->StatusStrategy(), Node(), twice),
              ElementsAre(R"(status.addresses[1]: Duplicate value: core.NodeAddress{)"
                          R"(Type:"InternalIP", Address:"192.0.2.10"})"));
}

}  // namespace
}  // namespace wherry::apiserver::registry
