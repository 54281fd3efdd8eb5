#include "tests/unit/apiserver/api_fixture.h"

namespace wherry::apiserver {
namespace {

using SystemObjectsTest = ApiFixture;

// What anybody may delete comes back: nodes lose their leases and pods the API without it.
TEST_F(SystemObjectsTest, ComeBack) {
  const std::string service = "/api/v1/namespaces/default/services/kubernetes";
  const std::string endpoints = "/api/v1/namespaces/default/endpoints/kubernetes";
  ASSERT_EQ(Ask("DELETE", service).status, 200);
  ASSERT_EQ(Ask("DELETE", endpoints).status, 200);
  EXPECT_EQ(Get(service).status, 404);
  sim_.Advance(std::chrono::seconds(11));
  EXPECT_EQ(Get(service).body["spec"]["ports"][0]["port"], 443);
  Answer back = Get(endpoints);
  EXPECT_EQ(back.body["subsets"][0]["addresses"][0]["ip"], "10.0.0.1");
  // Nothing is written while nothing is missing.
  sim_.Advance(std::chrono::seconds(60));
  EXPECT_EQ(Get(endpoints).body["metadata"]["resourceVersion"],
            back.body["metadata"]["resourceVersion"]);
}

// Pods find the API at its port; an edit of that would cut them off until a restart.
TEST_F(SystemObjectsTest, TheServiceKeepsItsTypeAndPorts) {
  const std::string service = "/api/v1/namespaces/default/services/kubernetes";
  const auto edit = [&](const std::string& patch) {
    Answer edited = Ask("PATCH", service, patch, "application/merge-patch+json");
    ASSERT_EQ(edited.status, 200) << edited.text;
    sim_.Advance(std::chrono::seconds(11));
  };
  const nlohmann::json before = Get(service).body["spec"];
  edit(R"({"metadata":{"labels":{"mine":"yes"}},"spec":{"type":"NodePort","ports":[{"port":1}]}})");
  nlohmann::json after = Get(service).body;
  EXPECT_EQ(after["spec"]["type"], "ClusterIP");
  EXPECT_EQ(after["spec"]["ports"], before["ports"]);
  EXPECT_EQ(after["spec"]["clusterIP"], before["clusterIP"]);
  EXPECT_EQ(after["metadata"]["labels"]["mine"], "yes");
  edit(R"({"spec":{"type":"ExternalName","externalName":"a.example","clusterIP":null,)"
       R"("clusterIPs":null,"ipFamilies":null,"ipFamilyPolicy":null,)"
       R"("internalTrafficPolicy":null}})");
  after = Get(service).body;
  EXPECT_EQ(after["spec"], before) << after;
  // Nothing is written while nothing is wrong.
  sim_.Advance(std::chrono::seconds(60));
  EXPECT_EQ(Get(service).body["metadata"]["resourceVersion"], after["metadata"]["resourceVersion"]);
}

}  // namespace
}  // namespace wherry::apiserver
