#include "controllers/endpoints/reconcile.h"

#include "controllers/objects/service_pods.h"
#include "proto/api/core/v1.pb.h"
#include "tests/support/parse.h"

#include <gtest/gtest.h>

namespace wherry::controllers::endpoints {
namespace {

using wherry::testing::Parse;

std::shared_ptr<corev1::Service> Service() {
  return Parse<corev1::Service>(
      R"({"metadata":{"name":"web","namespace":"n","uid":"s-1","labels":{"team":"a"}},
          "spec":{"clusterIP":"10.96.0.5","ipFamilies":["IPv4"],"selector":{"app":"web"},
                  "ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":"web"}]}})");
}

PodPtr Pod(int number, int port, bool ready) {
  const std::string n = std::to_string(number);
  const std::string ip =
      "10.244." + std::to_string(number / 200) + "." + std::to_string(number % 200 + 1);
  auto pod = Parse<corev1::Pod>(
      R"({"metadata":{"name":"p)" + n + R"(","namespace":"n","uid":"u)" + n +
      R"("},"spec":{"nodeName":"a","containers":[{"ports":[{"name":"web","protocol":"TCP","containerPort":)" +
      std::to_string(port) + R"(}]}]},"status":{"phase":"Running","podIP":")" + ip +
      R"(","podIPs":[{"ip":")" + ip + R"("}]}})");
  auto* condition = pod->mutable_status()->add_conditions();
  condition->set_type("Ready");
  condition->set_status(ready ? "True" : "False");
  return pod;
}

TEST(Reconcile, GroupsAddressesByPorts) {
  const auto service = Service();
  const auto endpoints = Reconcile(
      {.service = *service, .pods = {Pod(3, 80, true), Pod(1, 80, false), Pod(2, 90, true)}});
  ASSERT_NE(endpoints, nullptr);
  EXPECT_EQ(endpoints->metadata().name(), "web");
  EXPECT_EQ(endpoints->metadata().labels().at("team"), "a");
  EXPECT_FALSE(endpoints->metadata().labels().contains(kHeadless));
  ASSERT_EQ(endpoints->subsets_size(), 2);
  const auto& first = endpoints->subsets(0);
  ASSERT_EQ(first.addresses_size(), 1);
  ASSERT_EQ(first.notreadyaddresses_size(), 1);
  EXPECT_EQ(first.notreadyaddresses(0).ip(), "10.244.0.2");
  EXPECT_EQ(first.addresses(0).targetref().name(), "p3");
  EXPECT_EQ(first.addresses(0).nodename(), "a");
  EXPECT_EQ(first.ports(0).port(), 80);
  EXPECT_EQ(first.ports(0).name(), "http");
  EXPECT_EQ(endpoints->subsets(1).ports(0).port(), 90);
}

TEST(Reconcile, TwoPortsOnTheSamePodsAreOneSubset) {
  auto service = Service();
  *service->mutable_spec()->add_ports() =
      *Parse<corev1::ServicePort>(R"({"name":"b","port":81,"protocol":"TCP","targetPort":99})");
  const auto endpoints =
      Reconcile({.service = *service, .pods = {Pod(1, 80, true), Pod(2, 80, true)}});
  ASSERT_EQ(endpoints->subsets_size(), 1);
  EXPECT_EQ(endpoints->subsets(0).ports_size(), 2);
  EXPECT_EQ(endpoints->subsets(0).addresses_size(), 2);
}

TEST(Reconcile, IsQuietWhenNothingChangedAndIgnoresOrder) {
  const auto service = Service();
  auto written = Reconcile({.service = *service, .pods = {Pod(1, 80, true), Pod(2, 80, true)}});
  written->mutable_metadata()->set_resourceversion("5");
  EXPECT_EQ(
      Reconcile(
          {.service = *service, .pods = {Pod(2, 80, true), Pod(1, 80, true)}, .current = written}),
      nullptr);
  const auto changed = Reconcile(
      {.service = *service, .pods = {Pod(2, 80, true), Pod(1, 80, false)}, .current = written});
  ASSERT_NE(changed, nullptr);
  EXPECT_EQ(changed->metadata().resourceversion(), "5");
}

TEST(Reconcile, WritesEmptyEndpointsForAServiceWithoutPods) {
  const auto service = Service();
  const auto endpoints = Reconcile({.service = *service});
  ASSERT_NE(endpoints, nullptr);
  EXPECT_EQ(endpoints->subsets_size(), 0);
}

TEST(Reconcile, TerminatingPodsLeaveUnlessPublished) {
  auto service = Service();
  auto pod = std::make_shared<corev1::Pod>(*Pod(1, 80, false));
  pod->mutable_metadata()->mutable_deletiontimestamp()->set_seconds(1);
  EXPECT_EQ(Reconcile({.service = *service, .pods = {pod}})->subsets_size(), 0);
  service->mutable_spec()->set_publishnotreadyaddresses(true);
  EXPECT_EQ(Reconcile({.service = *service, .pods = {pod}})->subsets(0).addresses_size(), 1);
}

TEST(Reconcile, HeadlessServicesMayHaveNoPorts) {
  auto service = Service();
  service->mutable_spec()->clear_ports();
  service->mutable_spec()->set_clusterip("None");
  const auto endpoints = Reconcile({.service = *service, .pods = {Pod(1, 80, true)}});
  ASSERT_EQ(endpoints->subsets_size(), 1);
  EXPECT_EQ(endpoints->subsets(0).ports_size(), 0);
  EXPECT_TRUE(endpoints->metadata().labels().contains(kHeadless));
}

TEST(Reconcile, TruncatesAtAThousandReadyOnesFirst) {
  const auto service = Service();
  std::vector<PodPtr> pods;
  for (int i = 0; i < 1100; ++i) pods.push_back(Pod(i, 80, i % 2 == 0));
  const auto endpoints = Reconcile({.service = *service, .pods = pods});
  EXPECT_EQ(endpoints->subsets(0).addresses_size(), 550);
  EXPECT_EQ(endpoints->subsets(0).notreadyaddresses_size(), 450);
  EXPECT_EQ(endpoints->metadata().annotations().at(kOverCapacity), "truncated");
}

}  // namespace
}  // namespace wherry::controllers::endpoints
