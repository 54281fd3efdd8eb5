#include "controllers/endpointslice/reconcile.h"

#include "controllers/objects/service_pods.h"
#include "controllers/objects/slices.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/discovery/v1.pb.h"
#include "tests/support/parse.h"

#include <gtest/gtest.h>

#include <set>

namespace wherry::controllers::endpointslice {
namespace {

using wherry::testing::Parse;

std::shared_ptr<corev1::Service> Service() {
  return Parse<corev1::Service>(
      R"({"metadata":{"name":"web","namespace":"n","uid":"s-1","labels":{"team":"a"}},
          "spec":{"clusterIP":"10.96.0.5","ipFamilies":["IPv4"],"selector":{"app":"web"},
                  "ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}})");
}

PodPtr Pod(int number, const std::string& more = "", bool ready = true) {
  const std::string n = std::to_string(number);
  const std::string ip =
      "10.244." + std::to_string(number / 200) + "." + std::to_string(number % 200 + 1);
  auto pod = Parse<corev1::Pod>(R"({"metadata":{"name":"p)" + n + R"(","namespace":"n","uid":"u)" +
                                n + R"("},"spec":{"nodeName":"node-a","containers":[{"ports":[)" +
                                more + R"(]}]},"status":{"phase":"Running","podIP":")" + ip +
                                R"(","podIPs":[{"ip":")" + ip + R"("}]}})");
  auto* condition = pod->mutable_status()->add_conditions();
  condition->set_type("Ready");
  condition->set_status(ready ? "True" : "False");
  return pod;
}

// Applies actions to slices, as the server would.
struct Cluster {
  std::shared_ptr<corev1::Service> service = Service();
  std::vector<PodPtr> pods;
  std::vector<EndpointSlicePtr> slices;
  std::set<std::string> nodes = {"node-a"};
  int created = 0;

  Actions Plan() const {
    return Reconcile({.service = *service,
                      .pods = pods,
                      .slices = slices,
                      .node = [this](const std::string& name) -> NodePtr {
                        if (!nodes.contains(name)) return nullptr;
                        return Parse<corev1::Node>(
                            R"({"metadata":{"labels":{"topology.kubernetes.io/zone":"z1"}}})");
                      }});
  }
  Actions Step() {
    Actions actions = Plan();
    for (const auto& slice : actions.create) {
      slice->mutable_metadata()->set_name("web-" + std::to_string(++created));
      slices.push_back(slice);
    }
    for (const auto& update : actions.update) {
      for (auto& slice : slices) {
        if (slice->metadata().name() == update->metadata().name()) slice = update;
      }
    }
    for (const auto& removed : actions.remove)
      std::erase_if(slices, [&](const auto& slice) {
        return slice->metadata().name() == removed->metadata().name();
      });
    return actions;
  }
  bool Settled() const {
    const Actions actions = Plan();
    return actions.create.empty() && actions.update.empty() && actions.remove.empty();
  }
  std::multiset<std::string> Addresses() const {
    std::multiset<std::string> all;
    for (const auto& slice : slices) {
      for (const auto& endpoint : slice->endpoints()) all.insert(endpoint.addresses(0));
    }
    return all;
  }
};

TEST(Reconcile, WritesOneSliceWithEverythingClientsRead) {
  Cluster cluster;
  cluster.pods = {Pod(1), Pod(2, "", false)};
  cluster.Step();
  ASSERT_EQ(cluster.slices.size(), 1u);
  const auto& slice = *cluster.slices[0];
  EXPECT_EQ(slice.metadata().generatename(), "web-");
  EXPECT_EQ(slice.metadata().labels().at(kServiceName), "web");
  EXPECT_EQ(slice.metadata().labels().at(kManagedBy), kControllerName);
  EXPECT_EQ(slice.metadata().labels().at("team"), "a");
  EXPECT_FALSE(slice.metadata().labels().contains(kHeadless));
  EXPECT_EQ(slice.metadata().ownerreferences(0).uid(), "s-1");
  EXPECT_EQ(slice.addresstype(), "IPv4");
  ASSERT_EQ(slice.ports_size(), 1);
  EXPECT_EQ(slice.ports(0).name(), "http");
  EXPECT_EQ(slice.ports(0).port(), 8080);
  ASSERT_EQ(slice.endpoints_size(), 2);
  const auto& endpoint = slice.endpoints(0);
  EXPECT_TRUE(endpoint.conditions().ready());
  EXPECT_TRUE(endpoint.conditions().serving());
  EXPECT_FALSE(endpoint.conditions().terminating());
  EXPECT_EQ(endpoint.nodename(), "node-a");
  EXPECT_EQ(endpoint.zone(), "z1");
  EXPECT_EQ(endpoint.targetref().uid(), "u1");
  EXPECT_FALSE(slice.endpoints(1).conditions().ready());
  EXPECT_TRUE(cluster.Settled());
}

TEST(Reconcile, TerminatingPodsServeButAreNotReady) {
  Cluster cluster;
  auto pod = std::make_shared<corev1::Pod>(*Pod(1));
  pod->mutable_metadata()->mutable_deletiontimestamp()->set_seconds(1);
  cluster.pods = {pod};
  cluster.Step();
  const auto conditions = cluster.slices[0]->endpoints(0).conditions();
  EXPECT_FALSE(conditions.ready());
  EXPECT_TRUE(conditions.serving());
  EXPECT_TRUE(conditions.terminating());
  cluster.service->mutable_spec()->set_publishnotreadyaddresses(true);
  cluster.Step();
  EXPECT_TRUE(cluster.slices[0]->endpoints(0).conditions().ready());
}

TEST(Reconcile, ServiceWithoutPodsHasOneEmptySlice) {
  Cluster cluster;
  cluster.Step();
  ASSERT_EQ(cluster.slices.size(), 1u);
  EXPECT_EQ(cluster.slices[0]->endpoints_size(), 0);
  EXPECT_TRUE(cluster.Settled());
  // The placeholder becomes the first real slice, and the last real one a placeholder.
  cluster.pods = {Pod(1)};
  Actions actions = cluster.Step();
  EXPECT_TRUE(actions.create.empty());
  EXPECT_EQ(actions.update.size(), 1u);
  EXPECT_EQ(cluster.slices[0]->ports_size(), 1);
  cluster.pods.clear();
  actions = cluster.Step();
  EXPECT_EQ(actions.update.size(), 1u);
  EXPECT_EQ(cluster.slices[0]->endpoints_size(), 0);
  EXPECT_TRUE(cluster.Settled());
}

TEST(Reconcile, SplitsAtAHundredAndFillsGaps) {
  Cluster cluster;
  for (int i = 0; i < 250; ++i) cluster.pods.push_back(Pod(i));
  cluster.Step();
  EXPECT_EQ(cluster.slices.size(), 3u);
  for (const auto& slice : cluster.slices) EXPECT_LE(slice->endpoints_size(), 100);
  EXPECT_EQ(cluster.Addresses().size(), 250u);
  EXPECT_TRUE(cluster.Settled());
  cluster.pods.push_back(Pod(300));
  const Actions actions = cluster.Step();
  EXPECT_TRUE(actions.create.empty());
  EXPECT_EQ(actions.update.size(), 1u) << "one write for one new pod";
  EXPECT_EQ(cluster.Addresses().size(), 251u);
}

// Random changes: slices always show exactly the pods, no address twice, never more than the bound.
TEST(Reconcile, ConvergesUnderChurn) {
  Cluster cluster;
  uint32_t seed = 7;
  const auto next = [&](uint32_t bound) {
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % bound;
  };
  std::set<int> running;
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 40; ++i) {
      const int pod = static_cast<int>(next(260));
      if (!running.insert(pod).second) running.erase(pod);
    }
    cluster.pods.clear();
    for (const int pod : running) cluster.pods.push_back(Pod(pod, "", next(4) != 0));
    cluster.Step();
    ASSERT_TRUE(cluster.Settled());
    const auto addresses = cluster.Addresses();
    ASSERT_EQ(addresses.size(), running.size());
    ASSERT_EQ(std::set<std::string>(addresses.begin(), addresses.end()).size(), running.size());
    for (const auto& slice : cluster.slices) ASSERT_LE(slice->endpoints_size(), 100);
  }
}

TEST(Reconcile, PodsWithDifferentNamedPortsNeedDifferentSlices) {
  Cluster cluster;
  cluster.service->mutable_spec()->mutable_ports(0)->mutable_targetport()->set_type(1);
  cluster.service->mutable_spec()->mutable_ports(0)->mutable_targetport()->set_strval("web");
  cluster.pods = {Pod(1, R"({"name":"web","containerPort":3000,"protocol":"TCP"})"),
                  Pod(2, R"({"name":"web","containerPort":3001,"protocol":"TCP"})")};
  cluster.Step();
  ASSERT_EQ(cluster.slices.size(), 2u);
  EXPECT_NE(cluster.slices[0]->ports(0).port(), cluster.slices[1]->ports(0).port());
  EXPECT_TRUE(cluster.Settled());
}

TEST(Reconcile, FollowsLabelsAndBecomesHeadless) {
  Cluster cluster;
  cluster.pods = {Pod(1)};
  cluster.Step();
  (*cluster.service->mutable_metadata()->mutable_labels())["team"] = "b";
  cluster.service->mutable_spec()->set_clusterip("None");
  cluster.Step();
  EXPECT_EQ(cluster.slices[0]->metadata().labels().at("team"), "b");
  EXPECT_TRUE(cluster.slices[0]->metadata().labels().contains(kHeadless));
}

TEST(Reconcile, LeavesOutPodsOnMissingNodesUnlessPublished) {
  Cluster cluster;
  cluster.pods = {Pod(1)};
  cluster.nodes.clear();
  cluster.Step();
  EXPECT_EQ(cluster.slices[0]->endpoints_size(), 0);
  cluster.service->mutable_spec()->set_publishnotreadyaddresses(true);
  cluster.Step();
  EXPECT_EQ(cluster.slices[0]->endpoints_size(), 1);
}

TEST(Reconcile, FinishedPodsAndPodsWithoutAddressAreNoEndpoints) {
  Cluster cluster;
  auto done = std::make_shared<corev1::Pod>(*Pod(1));
  done->mutable_status()->set_phase("Succeeded");
  auto young = std::make_shared<corev1::Pod>(*Pod(2));
  young->mutable_status()->clear_podip();
  young->mutable_status()->clear_podips();
  cluster.pods = {done, young};
  cluster.Step();
  EXPECT_EQ(cluster.Addresses().size(), 0u);
}

TEST(Reconcile, RemovesSlicesOfADeletedNamesakeAndOtherFamilies) {
  Cluster cluster;
  cluster.pods = {Pod(1)};
  cluster.Step();
  cluster.service->mutable_metadata()->set_uid("s-2");
  const Actions actions = cluster.Step();
  EXPECT_EQ(actions.remove.size(), 1u);
  EXPECT_EQ(actions.create.size(), 1u);
  cluster.service->mutable_spec()->clear_ipfamilies();
  cluster.service->mutable_spec()->add_ipfamilies("IPv6");
  cluster.Step();
  ASSERT_EQ(cluster.slices.size(), 1u);
  EXPECT_EQ(cluster.slices[0]->addresstype(), "IPv6");
}

TEST(Reconcile, ADyingSliceIsReplacedAndOtherwiseLeftAlone) {
  Cluster cluster;
  cluster.pods = {Pod(1)};
  cluster.Step();
  auto dying = std::make_shared<discoveryv1::EndpointSlice>(*cluster.slices[0]);
  dying->mutable_metadata()->mutable_deletiontimestamp()->set_seconds(1);
  cluster.slices = {dying};
  const Actions actions = cluster.Step();
  ASSERT_EQ(actions.create.size(), 1u);
  EXPECT_EQ(actions.create[0]->endpoints_size(), 1);
  EXPECT_TRUE(actions.update.empty());
  EXPECT_TRUE(actions.remove.empty());
  EXPECT_TRUE(cluster.Settled());
}

TEST(Reconcile, CreatesNothingForADyingService) {
  Cluster cluster;
  cluster.pods = {Pod(1)};
  cluster.service->mutable_metadata()->mutable_deletiontimestamp()->set_seconds(1);
  EXPECT_TRUE(cluster.Step().create.empty());
}

}  // namespace
}  // namespace wherry::controllers::endpointslice
