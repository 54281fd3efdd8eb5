#include "nodeagent/network/address_pool.h"

#include "lib/linux/temp_dir.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <set>

namespace wherry::nodeagent::network {
namespace {

class AddressPoolTest : public testing::Test {
 protected:
  AddressPoolTest() : directory_(*linux::TempDir::Make("/tmp", "wherry-ipam-")) {}
  AddressPool Open(const char* cidr = "10.1.2.0/29") {
    auto pool = AddressPool::Open(directory_.path() + "/a", *linux::ParseIpv4Prefix(cidr));
    CHECK_OK(pool);
    return std::move(*pool);
  }
  linux::TempDir directory_;
};

TEST_F(AddressPoolTest, HandsOutEachAddressOnceAndReusesLate) {
  AddressPool pool = Open();
  EXPECT_EQ(pool.gateway().ToString(), "10.1.2.1");
  std::set<std::string> seen;
  for (int i = 0; i < 5; ++i) seen.insert(pool.Allocate("p" + std::to_string(i))->ToString());
  EXPECT_EQ(seen,
            (std::set<std::string>{"10.1.2.2", "10.1.2.3", "10.1.2.4", "10.1.2.5", "10.1.2.6"}));
  EXPECT_EQ(pool.Allocate("more").error().reason, Reason::kTooManyRequests);
  ASSERT_TRUE(pool.Release("p3").ok());
  EXPECT_EQ(pool.Allocate("more")->ToString(), "10.1.2.5");
}

TEST_F(AddressPoolTest, FreedAddressesWaitTheirTurn) {
  AddressPool pool = Open();
  EXPECT_EQ(pool.Allocate("a")->ToString(), "10.1.2.2");
  ASSERT_TRUE(pool.Release("a").ok());
  EXPECT_EQ(pool.Allocate("b")->ToString(), "10.1.2.3");
}

TEST_F(AddressPoolTest, SurvivesARestart) {
  std::string address = Open().Allocate("a")->ToString();
  AddressPool again = Open();
  EXPECT_EQ(*again.Owners(), std::vector<std::string>{"a"});
  EXPECT_NE(again.Allocate("b")->ToString(), address);
  ASSERT_TRUE(again.Release("a").ok());
  ASSERT_TRUE(again.Release("a").ok());
  EXPECT_EQ(*again.Owners(), std::vector<std::string>{"b"});
}

TEST_F(AddressPoolTest, APodThatAsksAgainKeepsItsAddress) {
  AddressPool pool = Open();
  std::string address = pool.Allocate("a")->ToString();
  pool.Allocate("b").ok();
  EXPECT_EQ(pool.Allocate("a")->ToString(), address);
  EXPECT_EQ(pool.Owners()->size(), 2u);
}

TEST_F(AddressPoolTest, AnAddressWhoseSecondNameIsMissingIsFreedAllTheSame) {
  AddressPool pool = Open();
  ASSERT_EQ(pool.Allocate("a")->ToString(), "10.1.2.2");
  ASSERT_EQ(::unlink((directory_.path() + "/a/pod-a").c_str()), 0);
  ASSERT_TRUE(pool.Release("a").ok());
  EXPECT_TRUE(pool.Owners()->empty());
}

// After a power cut the names may be there without what was written to them.
TEST_F(AddressPoolTest, ANameWithoutContentHoldsNothing) {
  AddressPool pool = Open();
  ASSERT_EQ(pool.Allocate("a")->ToString(), "10.1.2.2");
  ASSERT_EQ(::truncate((directory_.path() + "/a/pod-a").c_str(), 0), 0);
  AddressPool again = Open();
  auto held = again.Find("a");
  ASSERT_TRUE(held.ok()) << held.error().message;
  EXPECT_FALSE(held->has_value());
  auto address = again.Allocate("a");
  ASSERT_TRUE(address.ok()) << address.error().message;
  EXPECT_EQ(again.Find("a")->value(), *address);
  ASSERT_TRUE(again.Release("a").ok());
  // The first address is nobody's, as recovery finds.
  EXPECT_EQ(*again.Owners(), std::vector<std::string>{""});
  ASSERT_TRUE(again.Release("").ok());
  EXPECT_TRUE(again.Owners()->empty());
}

TEST_F(AddressPoolTest, RefusesRangesThatAreTooSmallOrTooLarge) {
  for (const char* cidr : {"10.0.0.0/30", "10.0.0.0/32", "0.0.0.0/0"}) {
    EXPECT_FALSE(AddressPool::Open(directory_.path(), *linux::ParseIpv4Prefix(cidr)).ok()) << cidr;
  }
}

}  // namespace
}  // namespace wherry::nodeagent::network
