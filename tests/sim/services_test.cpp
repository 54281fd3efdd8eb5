// Endpoints and EndpointSlices.

#include "proto/api/apps/v1.pb.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/discovery/v1.pb.h"
#include "tests/sim/cluster_fixture.h"

namespace wherry::sim {
namespace {

namespace apps = api::apps::v1;
namespace core = api::core::v1;
namespace discovery = api::discovery::v1;

using ServicesTest = ClusterTest;

TEST_F(ServicesTest, ServicesWithoutPodsHaveEmptyEndpoints) {
  Create<core::Service>(
      "default",
      R"({"metadata":{"name":"s"},"spec":{"selector":{"a":"b"},"ports":[{"name":"p","port":80}]}})");
  EXPECT_TRUE(Eventually([&] { return Exists<core::Endpoints>("default", "s"); }));
  const std::string mine = "kubernetes.io/service-name=s";
  EXPECT_TRUE(
      Eventually([&] { return List<discovery::EndpointSlice>("default", mine).size() == 1; }));
  Delete<core::Service>("default", "s");
  EXPECT_TRUE(Eventually([&] {
    return !Exists<core::Endpoints>("default", "s") &&
           List<discovery::EndpointSlice>("default", mine).empty();
  }));
}

TEST_F(ServicesTest, EndpointsFollowPodsAndDeletedSlicesComeBack) {
  Deploy(3);
  Create<core::Service>(
      "default",
      R"({"metadata":{"name":"s"},"spec":{"selector":{"app":"web"},"ports":[{"port":80}]}})");
  const std::string mine = "kubernetes.io/service-name=s";
  const auto ready = [&] {
    int count = 0;
    for (const auto& slice : List<discovery::EndpointSlice>("default", mine)) {
      for (const auto& endpoint : slice->endpoints()) count += endpoint.conditions().ready();
    }
    return count;
  };
  EXPECT_TRUE(Eventually([&] { return ready() == 3; }));
  const auto endpoints = Get<core::Endpoints>("default", "s");
  EXPECT_EQ(endpoints->subsets(0).addresses_size(), 3);
  Delete<discovery::EndpointSlice>(
      "default", List<discovery::EndpointSlice>("default", mine)[0]->metadata().name());
  EXPECT_TRUE(Eventually([&] { return ready() == 3; }));
  Patch<apps::Deployment>("default", "web", R"({"spec":{"replicas":1}})");
  EXPECT_TRUE(Eventually([&] { return ready() == 1; }));
}

TEST_F(ServicesTest, CustomEndpointsAreMirrored) {
  Create<core::Service>("default",
                        R"({"metadata":{"name":"db"},"spec":{"ports":[{"name":"p","port":80}]}})");
  Create<core::Endpoints>("default", R"({"metadata":{"name":"db"},"subsets":[{
      "addresses":[{"ip":"10.1.2.3"}],"ports":[{"name":"p","port":80,"protocol":"TCP"}]}]})");
  const auto mirrored = [&]() -> std::string {
    const auto slices = List<discovery::EndpointSlice>("default", "kubernetes.io/service-name=db");
    if (slices.size() != 1 || slices[0]->endpoints_size() != 1) return "";
    return slices[0]->endpoints(0).addresses(0);
  };
  EXPECT_TRUE(Eventually([&] { return mirrored() == "10.1.2.3"; }));
  Patch<core::Endpoints>("default", "db", R"({"subsets":[{"addresses":[{"ip":"10.2.3.4"}],
      "ports":[{"name":"p","port":80,"protocol":"TCP"}]}]})");
  EXPECT_TRUE(Eventually([&] { return mirrored() == "10.2.3.4"; }));
  Delete<core::Endpoints>("default", "db");
  EXPECT_TRUE(Eventually([&] {
    return List<discovery::EndpointSlice>("default", "kubernetes.io/service-name=db").empty();
  }));
}

}  // namespace
}  // namespace wherry::sim
