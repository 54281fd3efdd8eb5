#include "tests/sim/cluster_fixture.h"

#include "lib/telemetry/log.h"
#include "proto/api/apps/v1.pb.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::sim {

ClusterTest::ClusterTest(controllers::App::Options options) {
  telemetry::SetLogLevel(telemetry::Level::kError);
  options.root_ca_pem = "PEM";
  plane_ = std::make_unique<ControlPlane>(
      sim_.world(), testing::SimTransport::Faults{.delay_max = 2ms}, 2, options);
  EXPECT_TRUE(Eventually([&] {
    return Exists<api::core::v1::ServiceAccount>("default", "default") &&
           List<api::core::v1::Node>("").size() == 2;
  }));
}

bool ClusterTest::Eventually(const std::function<bool()>& condition, std::chrono::seconds limit) {
  const MonotonicTime end = sim_.world().clock.MonotonicNow() + limit;
  while (sim_.world().clock.MonotonicNow() < end) {
    if (condition()) return true;
    sim_.Advance(100ms);
  }
  return condition();
}

void ClusterTest::Deploy(int replicas, const std::string& more) {
  Create<api::apps::v1::Deployment>(
      "default", R"({"metadata":{"name":"web","namespace":"default"},"spec":{"replicas":)" +
                     std::to_string(replicas) + more +
                     R"(,"selector":{"matchLabels":{"app":"web"}},
             "template":{"metadata":{"labels":{"app":"web"}},
                         "spec":{"containers":[{"name":"c","image":"v1"}]}}}})");
}

bool ClusterTest::Complete(int replicas) {
  const auto deployment = Get<api::apps::v1::Deployment>("default", "web");
  return deployment && deployment->status().availablereplicas() == replicas &&
         deployment->status().replicas() == replicas &&
         deployment->status().updatedreplicas() == replicas &&
         deployment->status().observedgeneration() == deployment->metadata().generation();
}

void ClusterTest::SetImage(const std::string& image) {
  Patch<api::apps::v1::Deployment>(
      "default", "web",
      R"({"spec":{"template":{"spec":{"containers":[{"name":"c","image":")" + image + R"("}]}}}})");
}

std::map<std::string, std::shared_ptr<const api::apps::v1::ReplicaSet>> ClusterTest::Sets() {
  std::map<std::string, std::shared_ptr<const api::apps::v1::ReplicaSet>> sets;
  for (auto& set : List<api::apps::v1::ReplicaSet>("default", "app=web"))
    sets[set->spec().template_().spec().containers(0).image()] = set;
  return sets;
}

bool ClusterTest::HasEvent(const std::string& reason, const std::string& message) {
  const auto events = List<api::core::v1::Event>("default");
  return std::any_of(events.begin(), events.end(), [&](const auto& event) {
    return event->reason() == reason && event->message().find(message) != std::string::npos;
  });
}

client::MessagePtr ClusterTest::Created(const std::string& ns, client::MessagePtr object) {
  auto created = Await(user().Create(ns, std::move(object)));
  EXPECT_TRUE(created.ok()) << (created.ok() ? "" : created.error().message);
  return created.ok() ? *created : nullptr;
}

void ClusterTest::DeleteObject(const api::KindInfo& kind, const std::string& ns,
                               const std::string& name, const std::string& policy) {
  client::DeleteOptions options;
  options.propagation_policy = policy;
  const auto deleted = Await(user().Delete(kind, ns, name, options));
  EXPECT_TRUE(deleted.ok()) << (deleted.ok() ? "" : deleted.error().message);
}

void ClusterTest::PatchObject(const api::KindInfo& kind, const std::string& ns,
                              const std::string& name, const std::string& patch,
                              const std::string& subresource) {
  const auto patched =
      Await(user().Patch(kind, ns, name, client::PatchType::kStrategicMerge, patch, subresource));
  EXPECT_TRUE(patched.ok()) << (patched.ok() ? "" : patched.error().message);
}

}  // namespace wherry::sim
