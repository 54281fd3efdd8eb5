#include "lib/loop/task_scope.h"
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

constexpr const char* kService = "/api/v1/namespaces/default/services/kubernetes";
constexpr const char* kEndpoints = "/api/v1/namespaces/default/endpoints/kubernetes";
constexpr const char* kMerge = "application/merge-patch+json";

// What a load balancer had, a ClusterIP must not have.
TEST_F(SystemObjectsTest, TheServiceLosesWhatItsTypeForbids) {
  const nlohmann::json before = Get(kService).body["spec"];
  Answer edited = Ask("PATCH", kService,
                      R"({"spec":{"type":"LoadBalancer","loadBalancerClass":"a.b/c",)"
                      R"("loadBalancerSourceRanges":["10.0.0.0/8"]}})",
                      kMerge);
  ASSERT_EQ(edited.status, 200) << edited.text;
  ASSERT_EQ(Ask("DELETE", kEndpoints).status, 200);
  sim_.Advance(std::chrono::seconds(11));
  EXPECT_EQ(Get(kService).body["spec"], before);
  EXPECT_EQ(Get(kEndpoints).status, 200);
}

// An address does not change: the Service is made again.
TEST_F(SystemObjectsTest, TheServiceIsNotHeadless) {
  const nlohmann::json before = Get(kService).body["spec"];
  ASSERT_EQ(Ask("DELETE", kService).status, 200);
  Answer made = Post("/api/v1/namespaces/default/services",
                     R"({"metadata":{"name":"kubernetes"},"spec":{"clusterIP":"None",)"
                     R"("ipFamilyPolicy":"RequireDualStack","ipFamilies":["IPv6","IPv4"]}})");
  ASSERT_EQ(made.status, 201) << made.text;
  sim_.Advance(std::chrono::seconds(11));
  EXPECT_EQ(Get(kService).body["spec"], before);
}

// Pods find the server by its endpoints even where the Service cannot be mended, and a restart
// does not depend on it.
TEST_F(SystemObjectsTest, AServiceThatCannotBeWrittenStopsNothing) {
  const std::string address = Get(kService).body["spec"]["clusterIP"];
  ASSERT_EQ(Ask("DELETE", kService).status, 200);
  Answer thief = Post("/api/v1/namespaces/default/services",
                      R"({"metadata":{"name":"thief"},"spec":{"clusterIP":")" + address +
                          R"(","ports":[{"port":1}]}})");
  ASSERT_EQ(thief.status, 201) << thief.text;
  ASSERT_EQ(Ask("DELETE", kEndpoints).status, 200);
  sim_.Advance(std::chrono::seconds(11));
  EXPECT_EQ(Get(kEndpoints).status, 200);
  EXPECT_EQ(Get(kService).status, 404);
  app_.reset();
  App::Options options;
  options.tokens["admin-token"] = http::UserInfo{.name = "admin", .groups = {"system:masters"}};
  app_ = std::make_unique<App>(sim_.world(), *store_, std::move(options));
  TaskScope scope(sim_.world().loop);
  scope.Spawn("start", [](App& app) -> Task<void> {
    auto starting = app.Start();
    const Status started = co_await std::move(starting);
    EXPECT_TRUE(started.ok());
  }(*app_));
  sim_.Settle();
  EXPECT_TRUE(app_->ready());
}

}  // namespace
}  // namespace wherry::apiserver
