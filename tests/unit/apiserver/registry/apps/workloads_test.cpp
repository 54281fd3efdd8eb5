#include "apiserver/registry/apps/strategies.h"
#include "tests/unit/apiserver/registry/core/strategy_case.h"

#include <gtest/gtest.h>

namespace wherry::apiserver::registry {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

json Workload() {
  return json::parse(R"({
    "metadata": {"name": "web", "namespace": "default", "generation": 1,
                 "creationTimestamp": "2023-11-14T22:11:20Z"},
    "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}},
             "template": {"metadata": {"labels": {"app": "web"}},
                          "spec": {"containers": [{"name": "web", "image": "web:1"},
                                                  {"name": "log", "image": "log:2"}]}}},
    "status": {"replicas": 3, "readyReplicas": 2, "updatedReplicas": 1, "availableReplicas": 2}})");
}

struct WorkloadCase {
  const char* what;
  const char* pointer;
  const char* value;
  std::vector<std::string> errors;
};

class DeploymentErrors : public ::testing::TestWithParam<WorkloadCase> {};

TEST_P(DeploymentErrors, AreWordedAsUpstreams) {
  auto strategy = apps::MakeDeploymentStrategy();
  json deployment = With(Workload(), GetParam().pointer, json::parse(GetParam().value));
  EXPECT_EQ(CreateErrors(*strategy, deployment), GetParam().errors);
}

const WorkloadCase kCases[] = {
    {"Valid", "/spec/replicas", "0", {}},
    {"NegativeReplicas",
     "/spec/replicas",
     "-1",
     {"spec.replicas: Invalid value: -1: must be greater than or equal to 0"}},
    {"SelectorDoesNotMatch",
     "/spec/selector/matchLabels/app",
     R"("other")",
     {R"(spec.template.metadata.labels: Invalid value: map[string]string{"app":"web"}: `selector` does not match template `labels`)"}},
    {"EmptySelector",
     "/spec/selector",
     "{}",
     {"spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string(nil), "
      "MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: empty selector is invalid for "
      "deployment"}},
    {"TemplateRestartPolicy",
     "/spec/template/spec/restartPolicy",
     R"("Never")",
     {R"(spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always")"}},
    {"NoImage",
     "/spec/template/spec/containers/0/image",
     R"("")",
     {"spec.template.spec.containers[0].image: Required value"}},
    {"BothZero",
     "/spec/strategy",
     R"({"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 0}})",
     {R"(spec.strategy.rollingUpdate.maxUnavailable: Invalid value: intstr.IntOrString{Type:0, IntVal:0, StrVal:""}: may not be 0 when `maxSurge` is 0)"}},
    {"TooMuchUnavailable",
     "/spec/strategy",
     R"({"rollingUpdate": {"maxUnavailable": "101%"}})",
     {R"(spec.strategy.rollingUpdate.maxUnavailable: Invalid value: intstr.IntOrString{Type:1, IntVal:0, StrVal:"101%"}: must not be greater than 100%)"}},
    {"RollingRecreate",
     "/spec/strategy",
     R"({"type": "Recreate", "rollingUpdate": {"maxSurge": 1}})",
     {"spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is "
      "'Recreate'"}},
    {"Deadline",
     "/spec/progressDeadlineSeconds",
     "0",
     {"spec.progressDeadlineSeconds: Invalid value: 0: must be greater than minReadySeconds"}},
};

INSTANTIATE_TEST_SUITE_P(Table, DeploymentErrors, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.what; });

TEST(Deployment, SelectorIsRequired) {
  auto strategy = apps::MakeDeploymentStrategy();
  json deployment = Workload();
  deployment["spec"].erase("selector");
  EXPECT_THAT(CreateErrors(*strategy, deployment), ElementsAre("spec.selector: Required value"));
}

TEST(Deployment, DefaultsTheRollingUpdate) {
  auto strategy = apps::MakeDeploymentStrategy();
  json spec = Encode(*Decode(*strategy, Workload()))["spec"];
  EXPECT_EQ(spec["strategy"], json::parse(R"({"type": "RollingUpdate",
      "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}})"));
  EXPECT_EQ(spec["revisionHistoryLimit"], 10);
  EXPECT_EQ(spec["progressDeadlineSeconds"], 600);
  EXPECT_FALSE(spec["template"]["spec"].contains("enableServiceLinks"));
}

TEST(Deployment, SelectorStays) {
  auto strategy = apps::MakeDeploymentStrategy();
  json after = With(Workload(), "/spec/selector/matchLabels/app", "new");
  after = With(after, "/spec/template/metadata/labels/app", "new");
  EXPECT_THAT(
      UpdateErrors(*strategy, *strategy, Workload(), after),
      ElementsAre(R"(spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string{)"
                  R"("app":"new"}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: field is )"
                  "immutable"));
}

TEST(Deployment, GenerationCountsChangesOfSpecAndAnnotations) {
  auto strategy = apps::MakeDeploymentStrategy();
  auto generation_after = [&](const json& after) {
    auto old = Decode(*strategy, Workload());
    auto object = Decode(*strategy, after);
    strategy->PrepareForUpdate({.now = kNow}, *object, *old);
    return Encode(*object)["metadata"]["generation"].get<int>();
  };
  EXPECT_EQ(generation_after(Workload()), 1);
  EXPECT_EQ(generation_after(With(Workload(), "/metadata/labels", {{"a", "b"}})), 1);
  EXPECT_EQ(generation_after(With(Workload(), "/status/replicas", 9)), 1);
  EXPECT_EQ(generation_after(With(Workload(), "/metadata/annotations", {{"a", "b"}})), 2);
  EXPECT_EQ(generation_after(With(Workload(), "/spec/replicas", 4)), 2);
}

TEST(Deployment, StatusIsConsistent) {
  auto strategy = apps::MakeDeploymentStrategy();
  json after = With(Workload(), "/status/readyReplicas", 4);
  EXPECT_THAT(UpdateErrors(*strategy, *strategy->StatusStrategy(), Workload(), after),
              ElementsAre("status.readyReplicas: Invalid value: 4: cannot be greater than "
                          "status.replicas"));
  EXPECT_THAT(UpdateErrors(*strategy, *strategy->StatusStrategy(), Workload(), Workload()),
              IsEmpty());
}

TEST(Deployment, PrintsRowsAsUpstream) {
  auto strategy = apps::MakeDeploymentStrategy();
  EXPECT_THAT(Cells(*strategy, Workload()),
              ElementsAre("web", "2/3", "1", "2", "2m", "web,log", "web:1,log:2", "app=web"));
}

TEST(ReplicaSet, PrintsRowsAsUpstream) {
  auto strategy = apps::MakeReplicaSetStrategy();
  EXPECT_THAT(Cells(*strategy, Workload()),
              ElementsAre("web", "3", "3", "2", "2m", "web,log", "web:1,log:2", "app=web"));
}

TEST(ReplicaSet, SelectorMustMatchTheTemplate) {
  auto strategy = apps::MakeReplicaSetStrategy();
  EXPECT_THAT(CreateErrors(*strategy, Workload()), IsEmpty());
  json other = With(Workload(), "/spec/template/metadata/labels/app", "other");
  EXPECT_THAT(CreateErrors(*strategy, other),
              ElementsAre(R"(spec.template.metadata.labels: Invalid value: map[string]string{)"
                          R"("app":"other"}: `selector` does not match template `labels`)"));
}

TEST(ControllerRevision, KeepsItsData) {
  auto strategy = apps::MakeControllerRevisionStrategy();
  json revision = json::parse(R"({
    "metadata": {"name": "web-1", "ownerReferences": [{"apiVersion": "apps/v1",
      "kind": "StatefulSet", "name": "web", "uid": "u", "controller": true}]},
    "data": {"spec": 1}, "revision": 4})");
  EXPECT_THAT(UpdateErrors(*strategy, *strategy, revision, With(revision, "/data/spec", 2)),
              ElementsAre(R"(data: Invalid value: {"spec":2}: field is immutable)"));
  EXPECT_THAT(Cells(*strategy, revision),
              ElementsAre("web-1", "statefulset.apps/web", "4", "<unknown>"));
}

}  // namespace
}  // namespace wherry::apiserver::registry
