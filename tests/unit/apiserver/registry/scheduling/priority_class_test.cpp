#include "apiserver/registry/scheduling/priority_class_strategy.h"
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
using ::testing::IsEmpty;
using testing::kNow;
using testing::UpdateErrors;
using testing::With;

json Gold() {
  return json::parse(R"({"metadata": {"name": "gold", "creationTimestamp": "2023-11-14T22:03:20Z"},
                         "value": 1000, "globalDefault": true, "description": "dear"})");
}

class PriorityClassTest : public ::testing::Test {
 protected:
  std::unique_ptr<Strategy> strategy_ = scheduling::MakePriorityClassStrategy();
};

TEST_F(PriorityClassTest, IsCheckedAsUpstream) {
  EXPECT_THAT(CreateErrors(*strategy_, Gold()), IsEmpty());
  EXPECT_EQ(Encode(*Decode(*strategy_, Gold()))["preemptionPolicy"], "PreemptLowerPriority");
  EXPECT_THAT(CreateErrors(*strategy_, With(Gold(), "/value", -5)), IsEmpty());
  EXPECT_THAT(CreateErrors(*strategy_, With(Gold(), "/value", 1'000'000'000)), IsEmpty());
  EXPECT_THAT(CreateErrors(*strategy_, With(Gold(), "/value", 1'000'000'001)),
              ElementsAre("value: Forbidden: maximum allowed value of a user defined priority is "
                          "1000000000"));
  EXPECT_THAT(CreateErrors(*strategy_, With(Gold(), "/preemptionPolicy", "Never")), IsEmpty());
  EXPECT_THAT(CreateErrors(*strategy_, With(Gold(), "/preemptionPolicy", "Perhaps")),
              ElementsAre("preemptionPolicy: Unsupported value: \"Perhaps\": supported values: "
                          "\"PreemptLowerPriority\", \"Never\""));
  EXPECT_THAT(CreateErrors(*strategy_, With(Gold(), "/preemptionPolicy", "")),
              ElementsAre("preemptionPolicy: Required value"));
}

TEST_F(PriorityClassTest, TheSystemsNamesAreItsOwn) {
  json node = json::parse(R"({"metadata": {"name": "system-node-critical"}, "value": 2000001000})");
  EXPECT_THAT(CreateErrors(*strategy_, node), IsEmpty());
  const std::string reserved =
      "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for "
      "system "
      "use only. error: ";
  EXPECT_THAT(
      CreateErrors(*strategy_, With(node, "/value", 5)),
      ElementsAre(reserved + "value of system-node-critical PriorityClass must be 2000001000"));
  EXPECT_THAT(
      CreateErrors(*strategy_, With(node, "/globalDefault", true)),
      ElementsAre(reserved + "globalDefault of system-node-critical PriorityClass must be false"));
  EXPECT_THAT(CreateErrors(*strategy_, With(node, "/metadata/name", "system-x")),
              ElementsAre(reserved + "system-x is not a known system priority class"));
  EXPECT_NE(strategy_->WhyKept("system-cluster-critical"), "");
  EXPECT_EQ(strategy_->WhyKept("gold"), "");
}

TEST_F(PriorityClassTest, ValueAndPolicyStay) {
  EXPECT_THAT(UpdateErrors(*strategy_, *strategy_, Gold(), With(Gold(), "/description", "new")),
              IsEmpty());
  EXPECT_THAT(UpdateErrors(*strategy_, *strategy_, Gold(), With(Gold(), "/globalDefault", false)),
              IsEmpty());
  EXPECT_THAT(UpdateErrors(*strategy_, *strategy_, Gold(), With(Gold(), "/value", 7)),
              ElementsAre("value: Forbidden: may not be changed in an update."));
  EXPECT_THAT(
      UpdateErrors(*strategy_, *strategy_, Gold(), With(Gold(), "/preemptionPolicy", "Never")),
      ElementsAre("preemptionPolicy: Invalid value: \"Never\": field is immutable"));
}

TEST_F(PriorityClassTest, IsPrintedAsUpstream) {
  EXPECT_THAT(Cells(*strategy_, Gold()), ElementsAre("gold", "1000", "true", "10m"));
}

}  // namespace
}  // namespace wherry::apiserver::registry
