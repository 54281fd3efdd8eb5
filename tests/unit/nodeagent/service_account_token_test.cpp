#include "lib/http/jwt.h"
#include "lib/loop/task_scope.h"
#include "tests/unit/nodeagent/node_fixture.h"

#include <gmock/gmock.h>

#include <filesystem>

namespace wherry::nodeagent {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr const char* kMountPath = "/var/run/secrets/kubernetes.io/serviceaccount";

class ServiceAccountTokenTest : public NodeFixture {
 protected:
  void SetUp() override {
    static const std::string key = http::MakeRsaKey().value();
    if (with_key_) server_options_.service_account_key_pem = key;
    NodeFixture::SetUp();
    Answer bundle =
        Ask("POST", "/api/v1/namespaces/default/configmaps",
            {{"metadata", {{"name", "kube-root-ca.crt"}}}, {"data", {{"ca.crt", "CA"}}}});
    ASSERT_EQ(bundle.status, 201) << bundle.text;
  }
  std::string TokenOf(const std::string& pod) {
    return ReadVolumeFile(MountSource(pod, "c", kMountPath) + "/token");
  }
  Json Review(const std::string& token) {
    return Ask("POST", "/apis/authentication.k8s.io/v1/tokenreviews",
               {{"spec", {{"token", token}}}})
        .body["status"];
  }
  bool with_key_ = true;
};

class NoSigningKeyTest : public ServiceAccountTokenTest {
 protected:
  NoSigningKeyTest() { with_key_ = false; }
};

Json TokenVolume() {
  return {{"name", "token"},
          {"projected",
           {{"sources", {{{"serviceAccountToken", {{"path", "token"}, {"audience", "a"}}}}}}}}};
}

TEST_F(ServiceAccountTokenTest, APodFindsWhatItNeedsToCallTheApi) {
  StartAgent();
  CreatePod("web", {{"containers", {Container({"server"})}}});
  ASSERT_TRUE(UntilPhase("web", "Running"));
  const std::string directory = MountSource("web", "c", kMountPath);
  EXPECT_EQ(ReadVolumeFile(directory + "/ca.crt"), "CA");
  EXPECT_EQ(ReadVolumeFile(directory + "/namespace"), "default");
  EXPECT_TRUE(std::filesystem::is_symlink(directory + "/..data"));
  Json review = Review(TokenOf("web"));
  EXPECT_EQ(review["authenticated"], true) << review.dump();
  EXPECT_EQ(review["user"]["username"], "system:serviceaccount:default:default");
  EXPECT_EQ(review["user"]["extra"]["authentication.kubernetes.io/pod-name"][0], "web");
  EXPECT_EQ(review["user"]["extra"]["authentication.kubernetes.io/pod-uid"][0], Uid("web"));
}

TEST_F(ServiceAccountTokenTest, ATokenIsRenewedAtFourFifthsOfItsLife) {
  StartAgent();
  CreatePod("web", {{"containers", {Container({"server"})}}});
  ASSERT_TRUE(UntilPhase("web", "Running"));
  const std::string first = TokenOf("web");
  sim_.Advance(minutes(47));
  EXPECT_EQ(TokenOf("web"), first);
  sim_.Advance(minutes(2));
  const std::string second = TokenOf("web");
  EXPECT_NE(second, first);
  sim_.Advance(minutes(20));
  EXPECT_FALSE(Review(first).value("authenticated", false));
  EXPECT_EQ(Review(second)["authenticated"], true);
}

TEST_F(ServiceAccountTokenTest, ATokenOfManyDaysIsRenewedDaily) {
  StartAgent();
  Json volume = TokenVolume();
  volume["projected"]["sources"][0]["serviceAccountToken"]["expirationSeconds"] = 864000;
  CreatePod("web",
            {{"volumes", {volume}},
             {"automountServiceAccountToken", false},
             {"containers",
              {Container({"server"},
                         {{"volumeMounts", {{{"name", "token"}, {"mountPath", kMountPath}}}}})}}});
  ASSERT_TRUE(UntilPhase("web", "Running"));
  const std::string first = TokenOf("web");
  sim_.Advance(std::chrono::hours(23));
  EXPECT_EQ(TokenOf("web"), first);
  sim_.Advance(std::chrono::hours(2));
  EXPECT_NE(TokenOf("web"), first);
}

TEST_F(ServiceAccountTokenTest, APodThatDeclinesHasNoToken) {
  StartAgent();
  CreatePod("web",
            {{"automountServiceAccountToken", false}, {"containers", {Container({"server"})}}});
  ASSERT_TRUE(UntilPhase("web", "Running"));
  EXPECT_EQ(MountSource("web", "c", kMountPath), "<no mount>");
}

// A server without a signing key: the pod waits, says why, and nothing of it is started.
TEST_F(NoSigningKeyTest, APodWaitsForATokenThatIsNotIssued) {
  StartAgent();
  CreatePod("web", {{"volumes", {TokenVolume()}},
                    {"containers",
                     {Container({"server"}, {{"volumeMounts",
                                              {{{"name", "token"}, {"mountPath", "/token"}}}}})}}});
  sim_.Advance(seconds(3));
  EXPECT_EQ(Pod("web")["status"]["phase"], "Pending");
  EXPECT_TRUE(machine_->Running().empty());
  std::string all;
  for (const auto& message : EventMessages("web")) all += message + "\n";
  EXPECT_THAT(all, HasSubstr("MountVolume.SetUp failed: failed to fetch token"));
}

}  // namespace
}  // namespace wherry::nodeagent
