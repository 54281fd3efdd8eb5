#include "controllers/disruption/budget.h"

#include "controllers/disruption/budget_selectors.h"
#include "lib/api/intstr.h"
#include "lib/api/time.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/policy/v1.pb.h"

#include <gtest/gtest.h>

namespace wherry::controllers::disruption {
namespace {

using policyv1::PodDisruptionBudget;

constexpr WallTime kNow{std::chrono::seconds(1'700'000'000)};

std::vector<PodPtr> Pods(int ready, int unready = 0) {
  std::vector<PodPtr> pods;
  for (int i = 0; i < ready + unready; ++i) {
    auto pod = std::make_shared<corev1::Pod>();
    pod->mutable_metadata()->set_name("p" + std::to_string(i));
    auto* condition = pod->mutable_status()->add_conditions();
    condition->set_type("Ready");
    condition->set_status(i < ready ? "True" : "False");
    pods.push_back(pod);
  }
  return pods;
}

PodDisruptionBudget MinAvailable(const std::string& share) {
  PodDisruptionBudget budget;
  budget.mutable_metadata()->set_generation(3);
  auto* min = budget.mutable_spec()->mutable_minavailable();
  if (share.ends_with('%')) {
    api::SetString(min, share);
  } else {
    api::SetInt(min, std::stoi(share));
  }
  return budget;
}

PodDisruptionBudget MaxUnavailable(int count) {
  PodDisruptionBudget budget;
  api::SetInt(budget.mutable_spec()->mutable_maxunavailable(), count);
  return budget;
}

// "healthy/desired/expected allowed".
std::string Counts(const PodDisruptionBudget& budget, const std::vector<PodPtr>& pods,
                   int32_t scale) {
  auto verdict = Judge(budget, pods, scale, kNow);
  if (!verdict.ok()) return verdict.error().message;
  const auto& status = (verdict->updated ? *verdict->updated : budget).status();
  return std::to_string(status.currenthealthy()) + "/" + std::to_string(status.desiredhealthy()) +
         "/" + std::to_string(status.expectedpods()) + " " +
         std::to_string(status.disruptionsallowed());
}

TEST(JudgeTest, CountsWhatMayGo) {
  EXPECT_EQ(Counts(MinAvailable("2"), Pods(3), 0), "3/2/3 1");
  EXPECT_EQ(Counts(MinAvailable("2"), Pods(2, 1), 0), "2/2/3 0");
  EXPECT_EQ(Counts(MinAvailable("2"), Pods(0), 0), "0/2/0 0");
  EXPECT_EQ(Counts(MinAvailable("0"), Pods(0), 0), "0/0/0 0") << "without pods nothing is allowed";
  EXPECT_EQ(Counts(MinAvailable("50%"), Pods(3), 5), "3/3/5 0") << "rounded up";
  EXPECT_EQ(Counts(MinAvailable("50%"), Pods(4), 5), "4/3/5 1");
  EXPECT_EQ(Counts(MaxUnavailable(1), Pods(5), 5), "5/4/5 1");
  EXPECT_EQ(Counts(MaxUnavailable(9), Pods(5), 5), "5/0/5 5");
  EXPECT_EQ(Counts(MaxUnavailable(1), Pods(3), 5), "3/4/5 0");
  EXPECT_TRUE(NeedsScale(MaxUnavailable(1)));
  EXPECT_TRUE(NeedsScale(MinAvailable("50%")));
  EXPECT_FALSE(NeedsScale(MinAvailable("2")));
}

TEST(JudgeTest, SaysItOnce) {
  auto first = Judge(MinAvailable("2"), Pods(3), 0, kNow);
  ASSERT_TRUE(first.ok() && first->updated);
  const auto& status = first->updated->status();
  EXPECT_EQ(status.observedgeneration(), 3);
  ASSERT_EQ(status.conditions_size(), 1);
  EXPECT_EQ(status.conditions(0).type(), "DisruptionAllowed");
  EXPECT_EQ(status.conditions(0).status(), "True");
  EXPECT_EQ(status.conditions(0).reason(), "SufficientPods");
  auto again = Judge(*first->updated, Pods(3), 0, kNow + std::chrono::minutes(1));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->updated, nullptr);
  auto fewer = Judge(*first->updated, Pods(2), 0, kNow);
  ASSERT_TRUE(fewer.ok() && fewer->updated);
  EXPECT_EQ(fewer->updated->status().conditions(0).reason(), "InsufficientPods");
}

// Pods that an eviction has let go count as gone for two minutes, then again.
TEST(JudgeTest, EvictedPods) {
  PodDisruptionBudget budget = MinAvailable("1");
  api::SetTime(&(*budget.mutable_status()->mutable_disruptedpods())["p0"], kNow);
  api::SetTime(&(*budget.mutable_status()->mutable_disruptedpods())["gone"], kNow);
  EXPECT_EQ(Counts(budget, Pods(3), 0), "2/1/3 1");
  auto verdict = Judge(budget, Pods(3), 0, kNow);
  EXPECT_EQ(verdict->updated->status().disruptedpods_size(), 1);
  EXPECT_EQ(verdict->look_again, kNow + kDeletionTimeout);
  auto later = Judge(budget, Pods(3), 0, kNow + kDeletionTimeout);
  EXPECT_EQ(later->updated->status().currenthealthy(), 3);
  EXPECT_EQ(later->updated->status().disruptedpods_size(), 0);
  EXPECT_FALSE(later->look_again.has_value());
}

TEST(CountsDifferentlyTest, OnlyWhatBudgetsLookAt) {
  corev1::Pod before;
  before.mutable_metadata()->set_uid("u");
  (*before.mutable_metadata()->mutable_labels())["app"] = "web";
  corev1::Pod after = before;
  after.mutable_metadata()->set_resourceversion("7");
  after.mutable_status()->set_podip("10.0.0.1");
  after.mutable_status()->add_conditions()->set_type("Initialized");
  EXPECT_FALSE(CountsDifferently(before, after));
  corev1::Pod ready = *Pods(1).front();
  ready.mutable_metadata()->CopyFrom(before.metadata());
  EXPECT_TRUE(CountsDifferently(before, ready));
  corev1::Pod other = before;
  (*other.mutable_metadata()->mutable_labels())["app"] = "db";
  EXPECT_TRUE(CountsDifferently(before, other));
  corev1::Pod going = before;
  going.mutable_metadata()->mutable_deletiontimestamp()->set_seconds(1);
  EXPECT_TRUE(CountsDifferently(before, going));
  corev1::Pod ended = before;
  ended.mutable_status()->set_phase("Failed");
  EXPECT_TRUE(CountsDifferently(before, ended));
  corev1::Pod adopted = before;
  auto* owner = adopted.mutable_metadata()->add_ownerreferences();
  owner->set_uid("o");
  owner->set_controller(true);
  EXPECT_TRUE(CountsDifferently(before, adopted));
}

TEST(BudgetSelectorsTest, ParsesOnceAndFollowsTheBudget) {
  auto budget = std::make_shared<PodDisruptionBudget>(MinAvailable("1"));
  budget->mutable_metadata()->set_name("b");
  BudgetSelectors selectors;
  EXPECT_TRUE(selectors.Of(budget).MatchesNothing()) << "without a selector";
  auto changed = std::make_shared<PodDisruptionBudget>(*budget);
  (*changed->mutable_spec()->mutable_selector()->mutable_matchlabels())["app"] = "web";
  EXPECT_EQ(selectors.Of(changed).String(), "app=web");
  const auto* once = selectors.Of(changed).requirements().data();
  EXPECT_EQ(selectors.Of(changed).requirements().data(), once) << "not parsed anew";
  EXPECT_EQ(selectors.size(), 1u);
  selectors.Forget(*changed);
  EXPECT_EQ(selectors.size(), 0u);
}

TEST(FailedTest, AllowsNothing) {
  auto judged = Judge(MinAvailable("1"), Pods(3), 0, kNow);
  const Error why = MakeError(Reason::kNotFound, "found no controllers");
  auto failed = Failed(*judged->updated, why, kNow);
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->status().disruptionsallowed(), 0);
  EXPECT_EQ(failed->status().conditions(0).reason(), "SyncFailed");
  EXPECT_EQ(failed->status().conditions(0).message(), "found no controllers");
  EXPECT_EQ(Failed(*failed, why, kNow), nullptr);
}

}  // namespace
}  // namespace wherry::controllers::disruption
