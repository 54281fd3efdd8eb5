#include "apiserver/registry/apps/strategies.h"
#include "tests/unit/apiserver/registry/core/strategy_case.h"

#include <gtest/gtest.h>

namespace wherry::apiserver::registry {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

json Set() {
  return json::parse(R"({
    "metadata": {"name": "db", "namespace": "default", "generation": 1,
                 "creationTimestamp": "2023-11-14T22:11:20Z"},
    "spec": {"replicas": 3, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
             "template": {"metadata": {"labels": {"app": "db"}},
                          "spec": {"containers": [{"name": "db", "image": "db:1",
                              "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]}},
             "volumeClaimTemplates": [{"metadata": {"name": "data"},
                 "spec": {"accessModes": ["ReadWriteOnce"],
                          "resources": {"requests": {"storage": "1Gi"}}}}]},
    "status": {"replicas": 3, "readyReplicas": 2}})");
}

class StatefulSetTest : public ::testing::Test {
 protected:
  std::unique_ptr<Strategy> strategy_ = apps::MakeStatefulSetStrategy();
};

TEST_F(StatefulSetTest, HasUpstreamsDefaults) {
  json spec = Encode(*Decode(*strategy_, Set()))["spec"];
  EXPECT_EQ(spec["podManagementPolicy"], "OrderedReady");
  EXPECT_EQ(spec["updateStrategy"],
            json::parse(R"({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})"));
  EXPECT_EQ(spec["persistentVolumeClaimRetentionPolicy"],
            json::parse(R"({"whenDeleted": "Retain", "whenScaled": "Retain"})"));
  EXPECT_EQ(spec["template"]["spec"]["restartPolicy"], "Always");
  EXPECT_EQ(spec["volumeClaimTemplates"][0]["spec"]["volumeMode"], "Filesystem");
  json given = With(Set(), "/spec/updateStrategy/type", "RollingUpdate");
  EXPECT_FALSE(
      Encode(*Decode(*strategy_, given))["spec"]["updateStrategy"].contains("rollingUpdate"));
}

TEST_F(StatefulSetTest, IsCheckedAsUpstream) {
  EXPECT_THAT(CreateErrors(*strategy_, Set()), IsEmpty()) << "mounts what its claims bring";
  json no_selector = Set();
  no_selector["spec"].erase("selector");
  EXPECT_THAT(CreateErrors(*strategy_, no_selector), ElementsAre("spec.selector: Required value"));
  EXPECT_THAT(CreateErrors(*strategy_, With(Set(), "/spec/selector", json::object())),
              ElementsAre(HasSubstr("empty selector is invalid for statefulset")));
  EXPECT_THAT(CreateErrors(*strategy_, With(Set(), "/spec/selector/matchLabels/app", "x")),
              ElementsAre(HasSubstr("`selector` does not match template `labels`")));
  EXPECT_THAT(CreateErrors(*strategy_, With(Set(), "/spec/podManagementPolicy", "Random")),
              ElementsAre("spec.podManagementPolicy: Invalid value: \"Random\": must be "
                          "'OrderedReady' or 'Parallel'"));
  EXPECT_THAT(CreateErrors(*strategy_, With(Set(), "/spec/updateStrategy/type", "Now")),
              ElementsAre(HasSubstr("must be 'RollingUpdate' or 'OnDelete'")));
  EXPECT_THAT(CreateErrors(*strategy_, With(Set(), "/spec/ordinals/start", -1)),
              ElementsAre("spec.ordinals.start: Invalid value: -1: must be greater than or equal "
                          "to 0"));
  EXPECT_THAT(
      CreateErrors(*strategy_,
                   With(Set(), "/spec/persistentVolumeClaimRetentionPolicy/whenScaled", "Burn")),
      ElementsAre("spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: "
                  "\"Burn\": supported values: \"Retain\", \"Delete\""));
  EXPECT_THAT(CreateErrors(*strategy_, With(Set(), "/spec/template/spec/restartPolicy", "Never")),
              ElementsAre("spec.template.spec.restartPolicy: Unsupported value: \"Never\": "
                          "supported values: \"Always\""));
  EXPECT_FALSE(strategy_->ValidateName("a.b", false).empty());
}

TEST_F(StatefulSetTest, KeepsMostOfItsSpec) {
  EXPECT_THAT(UpdateErrors(*strategy_, *strategy_, Set(), With(Set(), "/spec/replicas", 5)),
              IsEmpty());
  EXPECT_THAT(UpdateErrors(*strategy_, *strategy_, Set(),
                           With(Set(), "/spec/template/spec/containers/0/image", "db:2")),
              IsEmpty());
  EXPECT_THAT(UpdateErrors(*strategy_, *strategy_, Set(), With(Set(), "/spec/serviceName", "x")),
              ElementsAre(HasSubstr("spec: Forbidden: updates to statefulset spec for fields")));
}

TEST_F(StatefulSetTest, StatusIsConsistent) {
  const UpdateStrategy& status = *strategy_->StatusStrategy();
  EXPECT_THAT(UpdateErrors(*strategy_, status, Set(), Set()), IsEmpty());
  EXPECT_THAT(UpdateErrors(*strategy_, status, Set(), With(Set(), "/status/currentReplicas", 4)),
              ElementsAre("status.currentReplicas: Invalid value: 4: cannot be greater than "
                          "status.replicas"));
  EXPECT_THAT(UpdateErrors(*strategy_, status, Set(), With(Set(), "/status/availableReplicas", 3)),
              ElementsAre("status.availableReplicas: Invalid value: 3: cannot be greater than "
                          "status.readyReplicas"));
}

TEST_F(StatefulSetTest, IsPrintedAsUpstream) {
  EXPECT_THAT(Cells(*strategy_, Set()), ElementsAre("db", "2/3", "2m", "db", "db:1"));
}

}  // namespace
}  // namespace wherry::apiserver::registry
