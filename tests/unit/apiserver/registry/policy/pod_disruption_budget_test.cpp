#include "apiserver/registry/policy/pod_disruption_budget_strategy.h"
#include "tests/unit/apiserver/registry/core/strategy_case.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wherry::apiserver::registry {
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

json Budget() {
  return json::parse(R"({"metadata": {"name": "b", "namespace": "default", "generation": 1,
                                      "creationTimestamp": "2023-11-14T22:03:20Z"},
    "spec": {"minAvailable": 2, "selector": {"matchLabels": {"a": "b"}}}})");
}

class BudgetTest : public ::testing::Test {
 protected:
  std::unique_ptr<Strategy> strategy_ = policy::MakePodDisruptionBudgetStrategy();
};

TEST_F(BudgetTest, IsCheckedAsUpstream) {
  EXPECT_THAT(CreateErrors(*strategy_, Budget()), IsEmpty());
  EXPECT_THAT(CreateErrors(*strategy_, With(Budget(), "/spec/minAvailable", "50%")), IsEmpty());
  EXPECT_THAT(CreateErrors(*strategy_, With(Budget(), "/spec/maxUnavailable", 1)),
              ElementsAre(HasSubstr("minAvailable and maxUnavailable cannot be both set")));
  EXPECT_THAT(CreateErrors(*strategy_, With(Budget(), "/spec/minAvailable", -1)),
              ElementsAre("spec.minAvailable: Invalid value: -1: must be greater than or equal to "
                          "0"));
  EXPECT_THAT(CreateErrors(*strategy_, With(Budget(), "/spec/minAvailable", "101%")),
              ElementsAre(HasSubstr("must not be greater than 100%")));
  EXPECT_THAT(CreateErrors(*strategy_, With(Budget(), "/spec/minAvailable", "half")),
              ElementsAre(HasSubstr("a valid percent string must be a numeric string")));
  EXPECT_THAT(CreateErrors(*strategy_, With(Budget(), "/spec/unhealthyPodEvictionPolicy", "No")),
              ElementsAre(HasSubstr(R"(supported values: "AlwaysAllow", "IfHealthyBudget")")));
  EXPECT_THAT(CreateErrors(*strategy_, With(Budget(), "/spec/selector/matchLabels/a", "b c")),
              ElementsAre(HasSubstr("spec.selector.matchLabels")));
}

// A new spec is a new generation; the status changes on its own.
TEST_F(BudgetTest, GenerationsAndStatus) {
  json before = With(Budget(), "/status", {{"disruptionsAllowed", 1}});
  auto old = Decode(*strategy_, before);
  auto object = Decode(*strategy_, With(Budget(), "/spec/minAvailable", 3));
  strategy_->PrepareForUpdate({.now = kNow}, *object, *old);
  EXPECT_EQ(Encode(*object)["metadata"]["generation"], 2);
  EXPECT_EQ(Encode(*object)["status"]["disruptionsAllowed"], 1);
  EXPECT_THAT(UpdateErrors(*strategy_, *strategy_->StatusStrategy(), Budget(),
                           With(Budget(), "/status", {{"currentHealthy", -1}})),
              ElementsAre("status.currentHealthy: Invalid value: -1: must be greater than or equal "
                          "to 0"));
  EXPECT_FALSE(strategy_->AllowUnconditionalUpdate());
}

TEST_F(BudgetTest, PrintsRowsAsUpstream) {
  json budget = With(Budget(), "/status", {{"disruptionsAllowed", 1}});
  EXPECT_THAT(Cells(*strategy_, budget), ElementsAre("b", "2", "N/A", "1", "10m"));
}

}  // namespace
}  // namespace wherry::apiserver::registry
