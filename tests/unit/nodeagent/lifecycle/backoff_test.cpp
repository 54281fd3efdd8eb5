#include "nodeagent/lifecycle/backoff.h"

#include <gtest/gtest.h>

namespace wherry::nodeagent::lifecycle {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// 10 s, 20 s, ... up to 5 min, and afresh after 10 quiet minutes.
TEST(BackOffTest, DoublesToTheMaximumAndForgets) {
  BackOff back_off(seconds(10), seconds(300));
  WallTime now{};
  now += std::chrono::hours(1);
  EXPECT_EQ(back_off.DueSince("a", now), now);
  for (int expected : {10, 20, 40, 80, 160, 300, 300}) {
    back_off.Next("a", now, now);
    EXPECT_EQ(back_off.Get("a"), seconds(expected));
    EXPECT_EQ(back_off.DueSince("a", now), now + seconds(expected));
    now += seconds(expected);
  }
  EXPECT_EQ(back_off.Get("b"), seconds(0));
  now += minutes(11);
  EXPECT_EQ(back_off.DueSince("a", now), now);
  back_off.Next("a", now, now);
  EXPECT_EQ(back_off.Get("a"), seconds(10));
}

TEST(BackOffTest, KeysThatNobodyAsksForAnyMoreAreForgotten) {
  BackOff back_off(seconds(10), seconds(300));
  WallTime now{};
  for (int pod = 0; pod < 1000; ++pod) {
    now += minutes(1);
    back_off.Next("pod-" + std::to_string(pod), now, now);
  }
  EXPECT_LE(back_off.size(), 12u);
}

}  // namespace
}  // namespace wherry::nodeagent::lifecycle
