// What a node may read follows its pods and their volumes as they change.

#include "tests/unit/apiserver/api_fixture.h"

namespace wherry::apiserver {
namespace {

class FollowReferences : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    nlohmann::json pod = nlohmann::json::parse(PodJson("web"));
    pod["spec"]["nodeName"] = "n1";
    pod["spec"]["volumes"] =
        nlohmann::json::parse(R"([{"name":"d","persistentVolumeClaim":{"claimName":"data"}}])");
    ASSERT_EQ(Post(std::string(kPods), pod.dump()).status, 201);
    Answer volume = Post("/api/v1/persistentvolumes",
                         R"({"metadata":{"name":"pv"},"spec":{"capacity":{"storage":"1Gi"},)"
                         R"("accessModes":["ReadWriteOnce"],"hostPath":{"path":"/d"}}})");
    ASSERT_EQ(volume.status, 201) << volume.text;
  }
  // What the node n1 is told of the volume when it asks.
  int Read() { return Ask("GET", "/api/v1/persistentvolumes/pv", "", "", "", "node-token").status; }
  void Bind(const std::string& claim) {
    Answer bound = Ask("PATCH", "/api/v1/persistentvolumes/pv",
                       R"({"spec":{"claimRef":{"namespace":"default","name":")" + claim + R"("}}})",
                       "application/merge-patch+json");
    ASSERT_EQ(bound.status, 200) << bound.text;
  }
};

TEST_F(FollowReferences, AVolumeIsReadWhileItIsBoundToAClaimOfTheNodesPods) {
  EXPECT_EQ(Read(), 403);
  Bind("data");
  EXPECT_EQ(Read(), 200);
  Bind("other");
  EXPECT_EQ(Read(), 403);
}

}  // namespace
}  // namespace wherry::apiserver
