// Storage that is in use stays until it is not.

#include "proto/api/core/v1.pb.h"
#include "tests/sim/cluster_fixture.h"

namespace wherry::sim {
namespace {

namespace core = api::core::v1;

class VolumesTest : public ClusterTest {
 protected:
  void MakeClaim(const std::string& name) {
    Create<core::PersistentVolumeClaim>("default",
                                        R"({"metadata":{"name":")" + name +
                                            R"("},"spec":{"accessModes":["ReadWriteOnce"],)"
                                            R"("resources":{"requests":{"storage":"1Gi"}}}})");
  }
  void MakePod(const std::string& name, const std::string& claim, const std::string& more) {
    Create<core::Pod>("default", R"({"metadata":{"name":")" + name + R"("},"spec":{)" + more +
                                     R"("containers":[{"name":"c","image":"v1"}],)"
                                     R"("volumes":[{"name":"v","persistentVolumeClaim":)"
                                     R"({"claimName":")" +
                                     claim + R"("}}]}})");
  }
  bool HasClaim(const std::string& name) {
    return Exists<core::PersistentVolumeClaim>("default", name);
  }
};

TEST_F(VolumesTest, AClaimOutlivesThePodsThatUseIt) {
  MakeClaim("data");
  MakeClaim("unused");
  EXPECT_EQ(Get<core::PersistentVolumeClaim>("default", "data")->metadata().finalizers(0),
            "kubernetes.io/pvc-protection");
  MakePod("web", "data", "");
  ASSERT_TRUE(
      Eventually([&] { return Get<core::Pod>("default", "web")->status().phase() == "Running"; }));
  // A pod that no node has yet keeps nothing.
  MakePod("waiting", "unused", R"("nodeSelector":{"no":"such"},)");
  Delete<core::PersistentVolumeClaim>("default", "data");
  Delete<core::PersistentVolumeClaim>("default", "unused");
  EXPECT_TRUE(Eventually([&] { return !HasClaim("unused"); }));
  EXPECT_TRUE(Never([&] { return !HasClaim("data"); }, 20s));
  Delete<core::Pod>("default", "web");
  EXPECT_TRUE(Eventually([&] { return !HasClaim("data"); }));
}

TEST_F(VolumesTest, AVolumeOutlivesItsBinding) {
  Create<core::PersistentVolume>("", R"({"metadata":{"name":"pv"},"spec":{
      "capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],"hostPath":{"path":"/data"}}})");
  Patch<core::PersistentVolume>("", "pv", R"({"status":{"phase":"Bound"}})", "status");
  // One that lost its finalizer gets it again.
  Patch<core::PersistentVolume>("", "pv", R"({"metadata":{"finalizers":null}})");
  ASSERT_TRUE(Eventually(
      [&] { return Get<core::PersistentVolume>("", "pv")->metadata().finalizers_size() == 1; }));
  Delete<core::PersistentVolume>("", "pv");
  EXPECT_TRUE(Never([&] { return !Exists<core::PersistentVolume>("", "pv"); }, 20s));
  Patch<core::PersistentVolume>("", "pv", R"({"status":{"phase":"Released"}})", "status");
  EXPECT_TRUE(Eventually([&] { return !Exists<core::PersistentVolume>("", "pv"); }));
}

}  // namespace
}  // namespace wherry::sim
