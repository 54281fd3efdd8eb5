#include "apiserver/registry/core/strategies.h"
#include "tests/unit/apiserver/registry/core/strategy_case.h"

#include <gtest/gtest.h>

namespace wherry::apiserver::registry {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

json Pod() {
  return json::parse(R"({
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"containers": [{"name": "web", "image": "web:1"}], "nodeName": "n1",
             "activeDeadlineSeconds": 100,
             "tolerations": [{"key": "a", "operator": "Exists", "effect": "NoExecute",
                              "tolerationSeconds": 10}]},
    "status": {"phase": "Running"}})");
}

class PodUpdate : public ::testing::Test {
 protected:
  std::vector<std::string> Errors(const json& after) {
    return UpdateErrors(*strategy_, *strategy_, Pod(), after);
  }
  std::unique_ptr<Strategy> strategy_ = core::MakePodStrategy();
};

TEST_F(PodUpdate, AllowsImageDeadlineAndMoreTolerations) {
  EXPECT_THAT(Errors(Pod()), IsEmpty());
  EXPECT_THAT(Errors(With(Pod(), "/spec/containers/0/image", "web:2")), IsEmpty());
  EXPECT_THAT(Errors(With(Pod(), "/spec/activeDeadlineSeconds", 50)), IsEmpty());
  EXPECT_THAT(Errors(With(Pod(), "/spec/tolerations/0/tolerationSeconds", 20)), IsEmpty());
  EXPECT_THAT(Errors(With(Pod(), "/spec/tolerations/1", {{"operator", "Exists"}})), IsEmpty());
}

TEST_F(PodUpdate, RefusesTheRest) {
  EXPECT_THAT(
      Errors(With(Pod(), "/spec/nodeName", "n2")),
      ElementsAre(AllOf(HasSubstr("spec: Forbidden: pod updates may not change fields other "
                                  "than `spec.containers[*].image`,"),
                        HasSubstr(R"(+ spec.nodeName: "n2")"))));
  EXPECT_THAT(Errors(With(Pod(), "/spec/containers/1", {{"name", "b"}, {"image", "x"}})),
              ElementsAre("spec.containers: Forbidden: pod updates may not add or remove "
                          "containers"));
  EXPECT_THAT(Errors(With(Pod(), "/spec/activeDeadlineSeconds", 200)),
              ElementsAre("spec.activeDeadlineSeconds: Invalid value: 200: must be less than or "
                          "equal to previous value"));
  EXPECT_THAT(Errors(With(Pod(), "/spec/tolerations", json::array())),
              ElementsAre("spec.tolerations: Forbidden: existing toleration can not be modified "
                          "except its tolerationSeconds"));
}

TEST_F(PodUpdate, LeavesStatusToTheStatusSubresource) {
  auto old = Decode(*strategy_, Pod());
  auto changed = Decode(*strategy_, With(Pod(), "/status/phase", "Failed"));
  strategy_->PrepareForUpdate({.now = kNow}, *changed, *old);
  EXPECT_EQ(Encode(*changed)["status"]["phase"], "Running");

  json status = With(Pod(), "/status", {{"phase", "Failed"}, {"podIP", "10.0.0.2"}});
  auto update = Decode(*strategy_, With(status, "/spec/nodeName", "n2"));
  strategy_->StatusStrategy()->PrepareForUpdate({.now = kNow}, *update, *old);
  EXPECT_EQ(Encode(*update)["spec"]["nodeName"], "n1");
  EXPECT_EQ(
      Encode(*update)["status"],
      json::parse(R"({"phase": "Failed", "podIP": "10.0.0.2", "podIPs": [{"ip": "10.0.0.2"}]})"));
}

TEST_F(PodUpdate, KeepsEndedContainersEnded) {
  json before = With(Pod(), "/spec/restartPolicy", "Never");
  before["status"]["containerStatuses"] =
      json::parse(R"([{"name": "web", "state": {"terminated": {"exitCode": 1}}}])");
  json after = With(before, "/status/containerStatuses/0/state", {{"running", json::object()}});
  EXPECT_THAT(
      UpdateErrors(*strategy_, *strategy_->StatusStrategy(), before, after),
      ElementsAre("status.containerStatuses[0].state: Forbidden: may not be transitioned to "
                  "non-terminated state"));
}

struct GraceCase {
  const char* phase;
  const char* node;
  std::optional<int64_t> asked;
  int64_t given;
};

TEST_F(PodUpdate, GivesRunningPodsTimeToEnd) {
  const GraceCase cases[] = {{"Running", "n1", std::nullopt, 30},
                             {"Running", "n1", 5, 5},
                             {"Running", "n1", 0, 0},
                             {"Running", "n1", -3, 1},
                             {"Pending", "", 5, 0},
                             {"Succeeded", "n1", 5, 0},
                             {"Failed", "n1", std::nullopt, 0}};
  for (const auto& [phase, node, asked, given] : cases) {
    json pod = With(With(Pod(), "/status/phase", phase), "/spec/nodeName", node);
    auto object = Decode(*strategy_, pod);
    EXPECT_EQ(strategy_->GracefulDelete({.now = kNow}, *object, {.grace_period_seconds = asked}),
              given)
        << phase << " on '" << node << "'";
  }
}

}  // namespace
}  // namespace wherry::apiserver::registry
