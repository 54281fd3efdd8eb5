#include "apiserver/registry/volumes/strategies.h"
#include "tests/unit/apiserver/registry/core/strategy_case.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wherry::apiserver::registry::volumes {
namespace {

using nlohmann::json;
using testing::Cells;
using testing::CreateErrors;
using testing::Decode;
using ::testing::ElementsAre;
using testing::Encode;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kNow;
using testing::UpdateErrors;
using testing::With;

constexpr const char* kMetadata =
    R"("metadata": {"name": "v", "creationTimestamp": "2023-11-14T22:03:20Z"})";

json Object(const std::string& rest) {
  return json::parse(std::string("{") + kMetadata + ", " + rest + "}");
}

json Claim() {
  return Object(R"("spec": {"accessModes": ["ReadWriteOnce", "ReadOnlyMany"],
      "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "fast"})");
}

TEST(PersistentVolumeClaim, IsCheckedAsUpstream) {
  auto strategy = MakePersistentVolumeClaimStrategy();
  EXPECT_THAT(CreateErrors(*strategy, Claim()), IsEmpty());
  EXPECT_EQ(Encode(*Decode(*strategy, Claim()))["spec"]["volumeMode"], "Filesystem");
  EXPECT_THAT(CreateErrors(*strategy, Object(R"("spec": {})")),
              ElementsAre("spec.accessModes: Required value: at least 1 access mode is required",
                          "spec.resources[storage]: Required value"));
  EXPECT_THAT(CreateErrors(*strategy, With(Claim(), "/spec/accessModes/0", "Always")),
              ElementsAre("spec.accessModes: Unsupported value: \"Always\": supported values: "
                          "\"ReadOnlyMany\", \"ReadWriteMany\", \"ReadWriteOnce\", "
                          "\"ReadWriteOncePod\""));
  EXPECT_THAT(CreateErrors(*strategy, With(Claim(), "/spec/accessModes/0", "ReadWriteOncePod")),
              ElementsAre(HasSubstr("may not use ReadWriteOncePod with other access modes")));
  EXPECT_THAT(CreateErrors(*strategy, With(Claim(), "/spec/resources/requests/storage", "0")),
              ElementsAre("spec.resources[storage]: Invalid value: \"0\": must be greater than "
                          "zero"));
  EXPECT_THAT(CreateErrors(*strategy, With(Claim(), "/spec/volumeMode", "Tape")),
              ElementsAre(HasSubstr("supported values: \"Block\", \"Filesystem\"")));
  EXPECT_THAT(CreateErrors(*strategy, With(Claim(), "/spec/storageClassName", "A B")),
              ElementsAre(HasSubstr("spec.storageClassName: Invalid value: \"A B\"")));
}

TEST(PersistentVolumeClaim, GetsItsVolumeOnceAndGrows) {
  auto strategy = MakePersistentVolumeClaimStrategy();
  json bound = With(Claim(), "/spec/volumeName", "v1");
  EXPECT_THAT(UpdateErrors(*strategy, *strategy, Claim(), bound), IsEmpty());
  EXPECT_THAT(UpdateErrors(*strategy, *strategy, bound, With(Claim(), "/spec/volumeName", "v2")),
              ElementsAre(HasSubstr("spec: Forbidden: spec is immutable after creation except")));
  json more = With(bound, "/spec/resources/requests/storage", "2Gi");
  EXPECT_THAT(UpdateErrors(*strategy, *strategy, bound, more),
              ElementsAre(HasSubstr("spec is immutable")))
      << "not bound yet";
  bound["status"]["phase"] = "Bound";
  EXPECT_THAT(UpdateErrors(*strategy, *strategy, bound, more), IsEmpty());
  EXPECT_THAT(UpdateErrors(*strategy, *strategy, With(more, "/status", bound["status"]), bound),
              ElementsAre("spec.resources.requests.storage: Forbidden: field can not be less than "
                          "previous value"));
}

TEST(PersistentVolumeClaim, IsPrintedAsUpstream) {
  auto strategy = MakePersistentVolumeClaimStrategy();
  EXPECT_THAT(Cells(*strategy, Claim()),
              ElementsAre("v", "Pending", "", "", "", "fast", "10m", "Filesystem"));
  json bound = With(Claim(), "/spec/volumeName", "v1");
  bound["status"] = json::parse(R"({"phase": "Bound", "accessModes": ["ReadOnlyMany",
      "ReadWriteOnce"], "capacity": {"storage": "2Gi"}})");
  EXPECT_THAT(Cells(*strategy, bound),
              ElementsAre("v", "Bound", "v1", "2Gi", "RWO,ROX", "fast", "10m", "Filesystem"));
}

json Volume() {
  return Object(R"("spec": {"capacity": {"storage": "5Gi"}, "accessModes": ["ReadWriteMany"],
      "nfs": {"server": "s", "path": "/p"}, "claimRef": {"namespace": "n", "name": "c"}})");
}

TEST(PersistentVolume, IsCheckedAsUpstream) {
  auto strategy = MakePersistentVolumeStrategy();
  EXPECT_THAT(CreateErrors(*strategy, Volume()), IsEmpty());
  EXPECT_THAT(CreateErrors(*strategy, Object(R"("spec": {})")),
              ElementsAre("spec.accessModes: Required value", "spec.capacity: Required value",
                          HasSubstr("spec.capacity: Unsupported value"),
                          "spec: Required value: must specify a volume type"));
  EXPECT_THAT(CreateErrors(*strategy, With(Volume(), "/spec/hostPath", json{{"path", "/d"}})),
              ElementsAre("spec.nfs: Forbidden: may not specify more than 1 volume type"));
  json local = With(Volume(), "/spec/local", json{{"path", "/d"}});
  local["spec"].erase("nfs");
  EXPECT_THAT(CreateErrors(*strategy, local),
              ElementsAre("spec.nodeAffinity: Required value: Local volume requires node "
                          "affinity"));
  EXPECT_THAT(
      CreateErrors(*strategy, With(Volume(), "/spec/persistentVolumeReclaimPolicy", "Burn")),
      ElementsAre(HasSubstr("supported values: \"Delete\", \"Recycle\", \"Retain\"")));
  EXPECT_THAT(UpdateErrors(*strategy, *strategy, Volume(), With(Volume(), "/spec/nfs/path", "/q")),
              ElementsAre("spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is "
                          "immutable after creation"));
  EXPECT_THAT(UpdateErrors(*strategy, *strategy, Volume(),
                           With(Volume(), "/spec/persistentVolumeReclaimPolicy", "Delete")),
              IsEmpty());
  EXPECT_THAT(Cells(*strategy, Volume()), ElementsAre("v", "5Gi", "RWX", "Retain", "Pending", "n/c",
                                                      "", "", "10m", "Filesystem"));
}

TEST(StorageClass, IsCheckedAsUpstream) {
  auto strategy = MakeStorageClassStrategy();
  json fast = Object(R"("provisioner": "Example.com/disk", "parameters": {"a": "b"})");
  EXPECT_THAT(CreateErrors(*strategy, fast), IsEmpty());
  EXPECT_THAT(CreateErrors(*strategy, Object(R"("provisioner": "")")),
              ElementsAre("provisioner: Required value"));
  EXPECT_THAT(CreateErrors(*strategy, With(fast, "/reclaimPolicy", "Recycle")),
              ElementsAre("reclaimPolicy: Unsupported value: \"Recycle\": supported values: "
                          "\"Delete\", \"Retain\""));
  EXPECT_THAT(CreateErrors(*strategy, With(fast, "/volumeBindingMode", "Never")),
              ElementsAre(HasSubstr("volumeBindingMode: Unsupported value")));
  EXPECT_THAT(UpdateErrors(*strategy, *strategy, fast, With(fast, "/allowVolumeExpansion", true)),
              IsEmpty());
  EXPECT_THAT(UpdateErrors(*strategy, *strategy, fast, With(fast, "/parameters/a", "c")),
              ElementsAre("parameters: Forbidden: updates to parameters are forbidden."));
  EXPECT_THAT(UpdateErrors(*strategy, *strategy, fast, With(fast, "/provisioner", "x/y")),
              ElementsAre("provisioner: Forbidden: updates to provisioner are forbidden."));
  EXPECT_THAT(UpdateErrors(*strategy, *strategy, fast, With(fast, "/reclaimPolicy", "Retain")),
              ElementsAre("reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden."));
  EXPECT_THAT(UpdateErrors(*strategy, *strategy, fast,
                           With(fast, "/volumeBindingMode", "WaitForFirstConsumer")),
              ElementsAre("volumeBindingMode: Invalid value: \"WaitForFirstConsumer\": field is "
                          "immutable"));
  fast["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] = "true";
  EXPECT_THAT(Cells(*strategy, fast), ElementsAre("v (default)", "Example.com/disk", "Delete",
                                                  "Immediate", "false", "10m"));
}

TEST(CSIDriver, IsCheckedAsUpstream) {
  auto strategy = MakeCSIDriverStrategy();
  json driver =
      Object(R"("spec": {"tokenRequests": [{"audience": "a", "expirationSeconds": 600}]})");
  EXPECT_THAT(CreateErrors(*strategy, driver), IsEmpty());
  EXPECT_THAT(CreateErrors(*strategy, With(driver, "/spec/tokenRequests/0/expirationSeconds", 599)),
              ElementsAre("spec.tokenRequests[0].expirationSeconds: Invalid value: 599: may not "
                          "specify a duration less than 10 minutes"));
  EXPECT_THAT(
      CreateErrors(*strategy, With(driver, "/spec/tokenRequests/1", json{{"audience", "a"}})),
      ElementsAre("spec.tokenRequests[1].audience: Duplicate value: \"a\""));
  EXPECT_THAT(CreateErrors(*strategy, With(driver, "/spec/fsGroupPolicy", "All")),
              ElementsAre(HasSubstr("spec.fsGroupPolicy: Unsupported value: \"All\"")));
  EXPECT_THAT(
      UpdateErrors(*strategy, *strategy, driver, With(driver, "/spec/attachRequired", false)),
      ElementsAre("spec.attachedRequired: Invalid value: false: field is immutable"));
  EXPECT_THAT(UpdateErrors(*strategy, *strategy, driver,
                           With(driver, "/spec/volumeLifecycleModes", json{"Ephemeral"})),
              ElementsAre(HasSubstr("spec.volumeLifecycleModes: Invalid value: ")));
  auto old = Decode(*strategy, driver);
  auto changed = Decode(*strategy, With(driver, "/spec/requiresRepublish", true));
  strategy->PrepareForUpdate({.now = kNow}, *changed, *old);
  EXPECT_EQ(Encode(*changed)["metadata"]["generation"], 1);
  EXPECT_THAT(Cells(*strategy, driver),
              ElementsAre("v", "true", "false", "false", "a", "false", "Persistent", "10m"));
}

TEST(CSINode, IsCheckedAsUpstream) {
  auto strategy = MakeCSINodeStrategy();
  json node = Object(R"("spec": {"drivers": [{"name": "d.example.com", "nodeID": "n",
                                             "topologyKeys": ["example.com/zone"]}]})");
  EXPECT_THAT(CreateErrors(*strategy, node), IsEmpty());
  EXPECT_THAT(CreateErrors(*strategy, With(node, "/spec/drivers/0/nodeID", "")),
              ElementsAre("spec.drivers[0].nodeID: Required value"));
  EXPECT_THAT(CreateErrors(*strategy, With(node, "/spec/drivers/1", node["spec"]["drivers"][0])),
              ElementsAre("spec.drivers[1].name: Duplicate value: \"d.example.com\""));
  EXPECT_THAT(UpdateErrors(*strategy, *strategy, node, With(node, "/spec/drivers/0/nodeID", "m")),
              ElementsAre(HasSubstr("CSINodeDriver: Invalid value: ")));
  EXPECT_THAT(Cells(*strategy, node), ElementsAre("v", "1", "10m"));
}

TEST(CSIStorageCapacity, IsCheckedAsUpstream) {
  auto strategy = MakeCSIStorageCapacityStrategy();
  json capacity = Object(R"("storageClassName": "fast", "capacity": "1Ti")");
  EXPECT_THAT(CreateErrors(*strategy, capacity), IsEmpty());
  EXPECT_THAT(CreateErrors(*strategy, With(capacity, "/storageClassName", "")),
              ElementsAre(HasSubstr("storageClassName: Invalid value: \"\"")));
  EXPECT_THAT(CreateErrors(*strategy, With(capacity, "/capacity", "-1")),
              ElementsAre("capacity: Invalid value: \"-1\": must be greater than or equal to 0"));
  EXPECT_THAT(UpdateErrors(*strategy, *strategy, capacity, With(capacity, "/capacity", "2Ti")),
              IsEmpty());
  EXPECT_THAT(
      UpdateErrors(*strategy, *strategy, capacity, With(capacity, "/storageClassName", "x")),
      ElementsAre("storageClassName: Invalid value: \"x\": field is immutable"));
  EXPECT_THAT(Cells(*strategy, capacity), ElementsAre("v", "fast", "1Ti"));
}

}  // namespace
}  // namespace wherry::apiserver::registry::volumes
