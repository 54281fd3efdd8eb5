#include "tests/unit/apiserver/api_fixture.h"

namespace wherry::apiserver {
namespace {

constexpr const char* kClasses = "/apis/scheduling.k8s.io/v1/priorityclasses";

using PriorityClasses = ApiFixture;

std::string ClassJson(const std::string& name, int value, bool is_default = false) {
  return nlohmann::json{
      {"metadata", {{"name", name}}}, {"value", value}, {"globalDefault", is_default}}
      .dump();
}

// Every cluster has the system's two, and keeps them.
TEST_F(PriorityClasses, TheSystemsAreThereFromTheStart) {
  Answer listed = Get(kClasses);
  ASSERT_EQ(listed.status, 200) << listed.text;
  ASSERT_EQ(listed.body["items"].size(), 2u);
  EXPECT_EQ(listed.body["items"][0]["metadata"]["name"], "system-cluster-critical");
  EXPECT_EQ(listed.body["items"][0]["value"], 2'000'000'000);
  EXPECT_EQ(listed.body["items"][1]["value"], 2'000'001'000);
  Answer refused = Ask("DELETE", std::string(kClasses) + "/system-node-critical");
  EXPECT_EQ(refused.status, 403) << refused.text;
  EXPECT_NE(refused.text.find("this is a system priority class and cannot be deleted"),
            std::string::npos);
  Answer table = Ask("GET", kClasses, "", "", "application/json;as=Table;g=meta.k8s.io;v=v1");
  EXPECT_EQ(table.body["columnDefinitions"][1]["name"], "Value");
  EXPECT_EQ(table.body["rows"][0]["cells"][2], false);
}

// All verbs; the value stays; pods take what their class says.
TEST_F(PriorityClasses, PodsTakeWhatTheirClassSays) {
  ASSERT_EQ(Post(kClasses, ClassJson("gold", 1000)).status, 201);
  std::string gold = std::string(kClasses) + "/gold";
  EXPECT_EQ(Get(gold).body["preemptionPolicy"], "PreemptLowerPriority");
  Answer patched = Ask("PATCH", gold, R"({"description":"dear"})", "application/merge-patch+json");
  EXPECT_EQ(patched.body["description"], "dear") << patched.text;
  Answer changed = Ask("PATCH", gold, R"({"value":7})", "application/merge-patch+json");
  EXPECT_EQ(changed.status, 422);
  EXPECT_EQ(changed.body["details"]["causes"][0]["field"], "value") << changed.text;

  nlohmann::json pod = nlohmann::json::parse(PodJson("web"));
  pod["spec"]["priorityClassName"] = "gold";
  Answer created = Post(std::string(kPods), pod.dump());
  ASSERT_EQ(created.status, 201) << created.text;
  EXPECT_EQ(created.body["spec"]["priority"], 1000);
  pod["metadata"]["name"] = "other";
  pod["spec"]["priorityClassName"] = "silver";
  Answer unknown = Post(std::string(kPods), pod.dump());
  EXPECT_EQ(unknown.status, 403);
  EXPECT_NE(unknown.text.find("no PriorityClass with name silver was found"), std::string::npos);

  ASSERT_EQ(Post(kClasses, ClassJson("usual", 5, true)).status, 201);
  Answer second = Post(kClasses, ClassJson("unusual", 6, true));
  EXPECT_EQ(second.status, 403) << second.text;
  Answer plain = Post(std::string(kPods), PodJson("plain"));
  EXPECT_EQ(plain.body["spec"]["priorityClassName"], "usual");
  EXPECT_EQ(plain.body["spec"]["priority"], 5);
  EXPECT_EQ(Ask("DELETE", std::string(kClasses) + "/usual").status, 200);
  EXPECT_EQ(Post(std::string(kPods), PodJson("plainer")).body["spec"]["priority"], 0);
  EXPECT_EQ(Ask("DELETE", gold).status, 200);
}

}  // namespace
}  // namespace wherry::apiserver
