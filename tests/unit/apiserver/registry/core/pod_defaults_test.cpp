#include "apiserver/registry/core/strategies.h"
#include "tests/unit/apiserver/registry/core/strategy_case.h"

#include <gtest/gtest.h>

namespace wherry::apiserver::registry {
namespace {

using nlohmann::json;

json PodOf(const json& container) {
  json pod;
  pod["metadata"]["name"] = "web";
  pod["spec"]["containers"] = json::array({container});
  pod["spec"]["containers"][0]["name"] = "web";
  return pod;
}

json Stored(const json& document) {
  auto strategy = core::MakePodStrategy();
  auto pod = Decode(*strategy, document);
  strategy->PrepareForCreate({.now = kNow}, *pod);
  return Encode(*pod);
}

TEST(PodDefaults, PullPolicyComesFromTheTag) {
  const std::pair<const char*, const char*> cases[] = {
      {"web", "Always"},
      {"web:latest", "Always"},
      {"web:1", "IfNotPresent"},
      {"localhost:5000/web", "Always"},
      {"localhost:5000/team/web:2", "IfNotPresent"},
      {"web@sha256:0123", "IfNotPresent"},
      {"localhost:5000/web:latest@sha256:0123", "Always"}};
  for (const auto& [image, policy] : cases) {
    EXPECT_EQ(Stored(PodOf({{"image", image}}))["spec"]["containers"][0]["imagePullPolicy"], policy)
        << image;
  }
}

TEST(PodDefaults, FillsTheRestOfASpec) {
  json pod = PodOf({{"image", "web:1"}, {"resources", {{"limits", {{"cpu", "1"}}}}}});
  pod["spec"]["volumes"] = json::array({{{"name", "scratch"}}});
  pod["spec"]["serviceAccount"] = "robot";
  json spec = Stored(pod)["spec"];
  EXPECT_EQ(spec["containers"][0]["resources"]["requests"]["cpu"], "1");
  EXPECT_EQ(spec["volumes"][0], json::parse(R"({"name": "scratch", "emptyDir": {}})"));
  EXPECT_EQ(spec["serviceAccountName"], "robot");
  EXPECT_EQ(spec["enableServiceLinks"], true);
  EXPECT_EQ(spec["restartPolicy"], "Always");
  EXPECT_EQ(spec["dnsPolicy"], "ClusterFirst");
  EXPECT_EQ(spec["schedulerName"], "default-scheduler");
  EXPECT_EQ(spec["terminationGracePeriodSeconds"], 30);
  EXPECT_EQ(spec["securityContext"], json::object());
}

TEST(PodDefaults, HostNetworkOpensTheSamePortsOnTheNode) {
  json pod = PodOf({{"image", "web:1"}, {"ports", {{{"containerPort", 80}}}}});
  pod["spec"]["hostNetwork"] = true;
  EXPECT_EQ(Stored(pod)["spec"]["containers"][0]["ports"][0]["hostPort"], 80);
}

TEST(PodDefaults, RoundsQuantitiesUpToThousandths) {
  json pod = PodOf({{"image", "x"}, {"resources", {{"requests", {{"cpu", "1500001n"}}}}}});
  EXPECT_EQ(Stored(pod)["spec"]["containers"][0]["resources"]["requests"]["cpu"], "2m");
}

TEST(PodDefaults, DropsWhatIsBehindFeatureGates) {
  json pod = PodOf({{"image", "x"},
                    {"resizePolicy", {{{"resourceName", "cpu"}, {"restartPolicy", "NotRequired"}}}},
                    {"securityContext", {{"procMount", "Unmasked"}}}});
  pod["spec"]["hostUsers"] = false;
  json spec = Stored(pod)["spec"];
  EXPECT_FALSE(spec.contains("hostUsers"));
  EXPECT_FALSE(spec["containers"][0].contains("resizePolicy"));
  EXPECT_FALSE(spec["containers"][0]["securityContext"].contains("procMount"));
}

TEST(PodDefaults, StatusBeginsPendingWithAQOSClass) {
  struct Case {
    const char* resources;
    const char* qos;
  };
  const Case cases[] = {
      {"{}", "BestEffort"},
      {R"({"requests": {"cpu": "1"}})", "Burstable"},
      {R"({"limits": {"cpu": "1"}})", "Burstable"},
      {R"({"limits": {"cpu": "1", "memory": "1Gi"}})", "Guaranteed"},
      {R"({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m"}})", "Guaranteed"},
      {R"({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}})", "Burstable"},
      {R"({"requests": {"example.com/gpu": "1"}})", "BestEffort"}};
  for (const auto& [resources, qos] : cases) {
    json pod = PodOf({{"image", "x"}, {"resources", json::parse(resources)}});
    pod["status"]["phase"] = "Running";
    json status = Stored(pod)["status"];
    EXPECT_EQ(status["phase"], "Pending");
    EXPECT_EQ(status["qosClass"], qos) << resources;
  }
}

TEST(PodDefaults, GatedPodsSayWhyTheyWait) {
  json pod = PodOf({{"image", "x"}});
  pod["spec"]["schedulingGates"] = json::parse(R"([{"name": "example.com/gate"}])");
  json condition = Stored(pod)["status"]["conditions"][0];
  EXPECT_EQ(condition["type"], "PodScheduled");
  EXPECT_EQ(condition["reason"], "SchedulingGated");
}

}  // namespace
}  // namespace wherry::apiserver::registry
