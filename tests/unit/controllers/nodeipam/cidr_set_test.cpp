#include "controllers/nodeipam/cidr_set.h"

#include <gtest/gtest.h>

namespace wherry::controllers::nodeipam {
namespace {

TEST(CidrSet, GivesOutEachRangeOnce) {
  auto set = CidrSet::Make("10.244.0.0/22", 24);
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(set->size(), 4u);
  EXPECT_EQ(*set->Allocate(), "10.244.0.0/24");
  EXPECT_EQ(*set->Allocate(), "10.244.1.0/24");
  set->Occupy("10.244.2.0/24");
  EXPECT_EQ(*set->Allocate(), "10.244.3.0/24");
  EXPECT_FALSE(set->Allocate().ok());
  set->Release("10.244.1.0/24");
  EXPECT_EQ(*set->Allocate(), "10.244.1.0/24");
}

TEST(CidrSet, DoesNotReuseAtOnce) {
  auto set = CidrSet::Make("10.0.0.0/8", 24);
  const std::string first = *set->Allocate();
  set->Release(first);
  EXPECT_NE(*set->Allocate(), first);
}

TEST(CidrSet, IgnoresForeignRanges) {
  auto set = CidrSet::Make("10.244.0.0/24", 24);
  set->Occupy("192.168.0.0/24");
  set->Occupy("9.0.0.0/24");
  set->Occupy("nonsense");
  set->Occupy("fd00::/64");
  EXPECT_TRUE(set->Allocate().ok());
}

TEST(CidrSet, RefusesWhatDoesNotFit) {
  for (const char* cidr : {"", "10.244.0.0", "10.244.0/16", "10.244.0.0/33", "256.0.0.0/8",
                           "10.244.0.0/16x", "fd00::/48", "10.244.0.0/-1"})
    EXPECT_FALSE(CidrSet::Make(cidr, 24).ok()) << cidr;
  EXPECT_FALSE(CidrSet::Make("10.244.0.0/16", 12).ok());
  EXPECT_FALSE(CidrSet::Make("10.244.0.0/16", 31).ok());
  EXPECT_FALSE(CidrSet::Make("0.0.0.0/0", 24).ok());
}

}  // namespace
}  // namespace wherry::controllers::nodeipam
