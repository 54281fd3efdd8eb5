#include "apiserver/registry/service_ranges.h"

#include "lib/loop/world.h"
#include "proto/api/core/v1.pb.h"

#include <gtest/gtest.h>

namespace wherry::apiserver::registry {
namespace {

using api::core::v1::Service;

class ServiceRangesTest : public ::testing::Test {
 protected:
  std::unique_ptr<ServiceRanges> Make(const std::string& cidr) {
    auto made = ServiceRanges::Make({.cidr = cidr, .node_port_min = 30000, .node_port_max = 30003},
                                    sim_.world().random);
    EXPECT_TRUE(made.ok());
    return made.ok() ? std::move(made).value() : nullptr;
  }
  static Service WithType(const std::string& type, int ports = 1) {
    Service service;
    service.mutable_metadata()->set_name("s");
    service.mutable_spec()->set_type(type);
    for (int i = 0; i < ports; ++i) service.mutable_spec()->add_ports()->set_port(80 + i);
    return service;
  }

  SimWorld sim_{1};
};

TEST_F(ServiceRangesTest, TakesCidrsOfUse) {
  for (const char* bad :
       {"", "10.0.0.0", "10.0.0.0/31", "10.0.0.0/7", "fd00::/108", "10.0.0.0/x"}) {
    EXPECT_FALSE(ServiceRanges::Make({.cidr = bad}, sim_.world().random).ok()) << bad;
  }
  EXPECT_EQ(Make("10.96.0.7/16")->FirstAddress(), "10.96.0.1");
}

// Every address but the network's, the first and the broadcast one is handed out, none twice.
TEST_F(ServiceRangesTest, HandsOutEveryAddressOnce) {
  auto ranges = Make("10.0.0.0/29");
  std::set<std::string> seen;
  for (int i = 0; i < 5; ++i) {
    Service service = WithType("ClusterIP");
    auto taken = ranges->Reserve(service, nullptr, false);
    ASSERT_TRUE(taken.ok()) << taken.error().message;
    (*taken)->Commit();
    seen.insert(service.spec().clusterip());
    EXPECT_EQ(service.spec().clusterips(0), service.spec().clusterip());
  }
  EXPECT_EQ(seen,
            (std::set<std::string>{"10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"}));
  Service service = WithType("ClusterIP");
  EXPECT_FALSE(ranges->Reserve(service, nullptr, false).ok());
}

// What is not committed is free again, and so is what a committed deletion held.
TEST_F(ServiceRangesTest, GivesBack) {
  auto ranges = Make("10.0.0.0/24");
  Service service = WithType("NodePort", 4);
  ASSERT_TRUE(ranges->Reserve(service, nullptr, false).ok());
  Service second = WithType("NodePort", 4);
  auto taken = ranges->Reserve(second, nullptr, false);
  ASSERT_TRUE(taken.ok()) << "four ports are all there are";
  (*taken)->Commit();
  taken->reset();
  Service third = WithType("NodePort");
  EXPECT_FALSE(ranges->Reserve(third, nullptr, false).ok());
  ranges->Release(second);
  EXPECT_FALSE(ranges->Reserve(third, nullptr, false).ok()) << "the deletion was not committed";
  ranges->Release(second)->Commit();
  EXPECT_TRUE(ranges->Reserve(third, nullptr, false).ok());
}

// A service that names what it wants gets that, or upstream's causes.
TEST_F(ServiceRangesTest, NamedValues) {
  auto ranges = Make("10.0.0.0/24");
  Service service = WithType("NodePort");
  service.mutable_spec()->set_clusterip("10.0.0.9");
  service.mutable_spec()->mutable_ports(0)->set_nodeport(30001);
  auto taken = ranges->Reserve(service, nullptr, false);
  ASSERT_TRUE(taken.ok());
  (*taken)->Commit();
  taken->reset();
  Service same_ip = WithType("ClusterIP");
  same_ip.mutable_spec()->set_clusterip("10.0.0.9");
  auto refused = ranges->Reserve(same_ip, nullptr, false);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("failed to allocate IP 10.0.0.9: provided IP is already "
                                         "allocated"),
            std::string::npos)
      << refused.error().message;
  Service out = WithType("NodePort");
  out.mutable_spec()->mutable_ports(0)->set_nodeport(29999);
  refused = ranges->Reserve(out, nullptr, false);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("The range of valid ports is 30000-30003"),
            std::string::npos);
}

}  // namespace
}  // namespace wherry::apiserver::registry
