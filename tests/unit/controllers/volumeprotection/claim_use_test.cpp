#include "controllers/volumeprotection/claim_use.h"

#include "proto/api/core/v1.pb.h"
#include "tests/support/parse.h"

#include <gtest/gtest.h>

namespace wherry::controllers::volumeprotection {
namespace {

using testing::Parse;

bool UsedBy(const std::string& pod, const std::string& claim) {
  return Uses(*Parse<corev1::Pod>(pod), *Parse<corev1::PersistentVolumeClaim>(claim));
}

TEST(UsesTest, BoundPodsKeepTheirClaims) {
  const std::string claim = R"({"metadata":{"name":"data"}})";
  const std::string volumes =
      R"("volumes":[{"name":"v","persistentVolumeClaim":{"claimName":"data"}}]}})";
  EXPECT_TRUE(UsedBy(R"({"spec":{"nodeName":"n",)" + volumes, claim));
  EXPECT_FALSE(UsedBy(R"({"spec":{)" + volumes, claim)) << "not scheduled";
  EXPECT_FALSE(UsedBy(R"({"spec":{"nodeName":"n",)" + volumes, R"({"metadata":{"name":"other"}})"));
}

TEST(UsesTest, GenericVolumesAreFreeOnceTheNodeIsDone) {
  const std::string own = R"({"metadata":{"name":"p-v","ownerReferences":[
      {"apiVersion":"v1","kind":"Pod","name":"p","uid":"u","controller":true}]}})";
  const std::string spec = R"("},"spec":{"nodeName":"n","volumes":[{"name":"v","ephemeral":{}}]}})";
  const std::string pod = R"({"metadata":{"name":"p","uid":"u)";
  EXPECT_TRUE(UsedBy(pod + spec, own));
  EXPECT_FALSE(UsedBy(pod + "2" + spec, own)) << "the claim of an earlier namesake";
  EXPECT_FALSE(UsedBy(pod + spec, R"({"metadata":{"name":"p-v"}})")) << "somebody's own claim";
  const std::string ending =
      R"({"metadata":{"name":"p","uid":"u","deletionTimestamp":"2024-01-01T00:00:00Z",)"
      R"("deletionGracePeriodSeconds":)";
  const std::string rest = spec.substr(2);
  EXPECT_TRUE(UsedBy(ending + "30}" + rest.substr(0), own));
  EXPECT_FALSE(UsedBy(ending + "0}" + rest.substr(0), own));
}

}  // namespace
}  // namespace wherry::controllers::volumeprotection
