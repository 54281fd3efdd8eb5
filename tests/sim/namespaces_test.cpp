// What every namespace has from its birth, and how one ends.

#include "proto/api/core/v1.pb.h"
#include "tests/sim/cluster_fixture.h"

#include <algorithm>

namespace wherry::sim {
namespace {

namespace core = api::core::v1;

using NamespacesTest = ClusterTest;

TEST_F(NamespacesTest, NamespacesGetTheirAccountAndRootCa) {
  Create<core::Namespace>("", R"({"metadata":{"name":"n"}})");
  EXPECT_TRUE(Eventually([&] { return Exists<core::ServiceAccount>("n", "default"); }));
  EXPECT_TRUE(Eventually([&] {
    const auto bundle = Get<core::ConfigMap>("n", "kube-root-ca.crt");
    return bundle && bundle->data().at("ca.crt") == "PEM";
  }));
  Delete<core::ServiceAccount>("n", "default");
  Patch<core::ConfigMap>("n", "kube-root-ca.crt", R"({"data":{"ca.crt":"forged","x":"y"}})");
  EXPECT_TRUE(Eventually([&] {
    const auto bundle = Get<core::ConfigMap>("n", "kube-root-ca.crt");
    return Exists<core::ServiceAccount>("n", "default") && bundle && bundle->data().size() == 1 &&
           bundle->data().at("ca.crt") == "PEM";
  }));
}

TEST_F(NamespacesTest, NamespaceDeletionEmptiesEveryKindAndEnds) {
  Create<core::Namespace>("", R"({"metadata":{"name":"n"}})");
  EXPECT_TRUE(Eventually([&] { return Exists<core::ServiceAccount>("n", "default"); }));
  Create<core::ConfigMap>("n", R"({"metadata":{"name":"a"}})");
  Create<core::ConfigMap>("n", R"({"metadata":{"name":"held","finalizers":["test/held"]}})");
  Create<core::Service>(
      "n", R"({"metadata":{"name":"s"},"spec":{"selector":{"a":"b"},"ports":[{"port":80}]}})");
  Create<core::Pod>(
      "n", R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}]}})");
  Delete<core::Namespace>("", "n");
  EXPECT_TRUE(Eventually([&] {
    const auto ns = Get<core::Namespace>("", "n");
    return ns && std::any_of(ns->status().conditions().begin(), ns->status().conditions().end(),
                             [](const auto& condition) {
                               return condition.type() == "NamespaceFinalizersRemaining" &&
                                      condition.status() == "True" &&
                                      condition.message().find("test/held") != std::string::npos;
                             });
  }));
  EXPECT_TRUE(Eventually([&] { return List<core::Pod>("n").empty(); }));
  EXPECT_FALSE(Exists<core::ConfigMap>("n", "a"));
  EXPECT_TRUE(Exists<core::Namespace>("", "n"));
  auto refused =
      Await(user().Create("n", Parse<core::ConfigMap>(R"({"metadata":{"name":"late"}})")));
  EXPECT_FALSE(refused.ok());
  const auto released =
      Await(user().Patch(api::KindOf<core::ConfigMap>(), "n", "held", client::PatchType::kMerge,
                         R"({"metadata":{"finalizers":[]}})", ""));
  EXPECT_TRUE(released.ok());
  EXPECT_TRUE(Eventually([&] { return !Exists<core::Namespace>("", "n"); }));
}

}  // namespace
}  // namespace wherry::sim
