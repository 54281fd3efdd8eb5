#include "apiserver/registry/coordination/lease_strategy.h"
#include "tests/unit/apiserver/registry/core/strategy_case.h"

#include <gtest/gtest.h>

namespace wherry::apiserver::registry {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Lease, DurationsAndTransitionsAreChecked) {
  auto strategy = coordination::MakeLeaseStrategy();
  json lease = json::parse(R"({"metadata": {"name": "n1"},
    "spec": {"holderIdentity": "n1", "leaseDurationSeconds": 40, "leaseTransitions": 0}})");
  EXPECT_THAT(testing::CreateErrors(*strategy, lease), IsEmpty());
  EXPECT_THAT(
      testing::CreateErrors(*strategy, testing::With(lease, "/spec/leaseDurationSeconds", 0)),
      ElementsAre("spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"));
  EXPECT_THAT(testing::CreateErrors(*strategy, testing::With(lease, "/spec/leaseTransitions", -1)),
              ElementsAre("spec.leaseTransitions: Invalid value: -1: must be greater than or equal "
                          "to 0"));
  EXPECT_THAT(testing::Cells(*strategy, lease), ElementsAre("n1", "n1", "<unknown>"));
  EXPECT_FALSE(strategy->AllowUnconditionalUpdate());
}

}  // namespace
}  // namespace wherry::apiserver::registry
