#include "apiserver/registry/core/strategies.h"
#include "tests/unit/apiserver/registry/core/strategy_case.h"

#include <gtest/gtest.h>

namespace wherry::apiserver::registry {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

json Controller() {
  return json::parse(R"({
    "metadata": {"name": "web", "namespace": "default", "generation": 1,
                 "creationTimestamp": "2023-11-14T22:11:20Z"},
    "spec": {"replicas": 3, "selector": {"app": "web"},
             "template": {"metadata": {"labels": {"app": "web"}},
                          "spec": {"containers": [{"name": "web", "image": "web:1"}]}}},
    "status": {"replicas": 3, "readyReplicas": 2, "availableReplicas": 2}})");
}

// Selector and labels come from the template, replicas from nowhere.
TEST(ReplicationController, DefaultsFromItsTemplate) {
  auto strategy = core::MakeReplicationControllerStrategy();
  json bare = Controller();
  bare["spec"].erase("selector");
  bare["spec"].erase("replicas");
  json stored = Encode(*Decode(*strategy, bare));
  EXPECT_EQ(stored["spec"]["selector"], json({{"app", "web"}}));
  EXPECT_EQ(stored["metadata"]["labels"], json({{"app", "web"}}));
  EXPECT_EQ(stored["spec"]["replicas"], 1);
}

TEST(ReplicationController, ErrorsAreWordedAsUpstreams) {
  auto strategy = core::MakeReplicationControllerStrategy();
  EXPECT_THAT(CreateErrors(*strategy, Controller()), IsEmpty());
  EXPECT_THAT(CreateErrors(*strategy, With(Controller(), "/spec/replicas", -1)),
              ElementsAre("spec.replicas: Invalid value: -1: must be greater than or equal to 0"));
  EXPECT_THAT(CreateErrors(*strategy, With(Controller(), "/spec/selector/app", "other")),
              ElementsAre(R"(spec.template.metadata.labels: Invalid value: map[string]string{)"
                          R"("app":"web"}: `selector` does not match template `labels`)"));
  EXPECT_THAT(
      CreateErrors(*strategy, With(Controller(), "/spec/template/spec/restartPolicy", "Never")),
      ElementsAre(R"(spec.template.spec.restartPolicy: Unsupported value: "Never": supported )"
                  R"(values: "Always")"));
  json bare = Controller();
  bare["spec"].erase("template");
  EXPECT_THAT(CreateErrors(*strategy, bare), ElementsAre("spec.template: Required value"));
}

// Unlike a replica set's, its selector may change.
TEST(ReplicationController, SelectorMayChange) {
  auto strategy = core::MakeReplicationControllerStrategy();
  json after = With(Controller(), "/spec/template/metadata/labels/tier", "front");
  after = With(after, "/spec/selector/tier", "front");
  EXPECT_THAT(UpdateErrors(*strategy, *strategy, Controller(), after), IsEmpty());
}

TEST(ReplicationController, LeavesItsPodsUnlessAskedOtherwise) {
  EXPECT_EQ(core::MakeReplicationControllerStrategy()->DefaultPropagation(), "Orphan");
}

TEST(ReplicationController, StatusIsConsistent) {
  auto strategy = core::MakeReplicationControllerStrategy();
  EXPECT_THAT(UpdateErrors(*strategy, *strategy->StatusStrategy(), Controller(),
                           With(Controller(), "/status/readyReplicas", 4)),
              ElementsAre("status.readyReplicas: Invalid value: 4: cannot be greater than "
                          "status.replicas"));
}

TEST(ReplicationController, PrintsRowsAsUpstream) {
  auto strategy = core::MakeReplicationControllerStrategy();
  EXPECT_THAT(Cells(*strategy, Controller()),
              ElementsAre("web", "3", "3", "2", "2m", "web", "web:1", "app=web"));
  ASSERT_TRUE(strategy->Scale().has_value());
}

TEST(PodTemplate, IsValidatedAndPrinted) {
  auto strategy = core::MakePodTemplateStrategy();
  json pod_template = {{"metadata", {{"name", "web"}}},
                       {"template", Controller()["spec"]["template"]}};
  EXPECT_THAT(CreateErrors(*strategy, pod_template), IsEmpty());
  EXPECT_THAT(Cells(*strategy, pod_template), ElementsAre("web", "web", "web:1", "app=web"));
  EXPECT_THAT(CreateErrors(*strategy, With(pod_template, "/template/spec/containers/0/image", "")),
              ElementsAre("template.spec.containers[0].image: Required value"));
}

}  // namespace
}  // namespace wherry::apiserver::registry
