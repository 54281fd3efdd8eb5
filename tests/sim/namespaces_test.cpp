// What every namespace has from its birth, and how one ends.

#include "lib/api/base64.h"
#include "lib/api/time.h"
#include "lib/telemetry/metrics.h"
#include "proto/api/core/v1.pb.h"
#include "tests/sim/cluster_fixture.h"

#include <algorithm>
#include <sstream>
#include <string>

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

// Bootstrap tokens go when they have expired, no sooner, and other Secrets stay.
TEST_F(NamespacesTest, ExpiredBootstrapTokensAreRemoved) {
  EXPECT_TRUE(Eventually([&] { return Exists<core::Namespace>("", "kube-system"); }));
  const auto make = [&](const std::string& id, const std::string& type,
                        const std::string& expiration) {
    std::string encoded;
    api::AppendBase64(encoded, expiration);
    Create<core::Secret>("kube-system", R"({"metadata":{"name":"bootstrap-token-)" + id +
                                            R"("},"type":")" + type +
                                            R"(","data":{"expiration":")" + encoded + R"("}})");
  };
  const std::string soon = api::FormatTime(sim_.world().clock.Now() + std::chrono::minutes(10));
  make("aaaaaa", "bootstrap.kubernetes.io/token", soon);
  make("bbbbbb", "bootstrap.kubernetes.io/token", "no time");
  make("cccccc", "Opaque", soon);
  EXPECT_TRUE(
      Eventually([&] { return !Exists<core::Secret>("kube-system", "bootstrap-token-bbbbbb"); }));
  sim_.Advance(std::chrono::minutes(9));
  EXPECT_TRUE(Exists<core::Secret>("kube-system", "bootstrap-token-aaaaaa"));
  sim_.Advance(std::chrono::minutes(2));
  EXPECT_FALSE(Exists<core::Secret>("kube-system", "bootstrap-token-aaaaaa"));
  EXPECT_TRUE(Exists<core::Secret>("kube-system", "bootstrap-token-cccccc"));
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

// Who makes a namespace anew gets an empty one, which stays: what its predecessor's end still has
// under way does not reach it.
TEST_F(NamespacesTest, ANamespaceMadeAnewIsAnother) {
  const auto create = [&] {
    return Await(user().Create("", Parse<core::Namespace>(R"({"metadata":{"name":"n"}})")));
  };
  for (int round = 0; round < 3; ++round) {
    const auto made = create();
    ASSERT_TRUE(made.ok()) << made.error().message;
    ASSERT_TRUE(Eventually([&] { return Exists<core::ServiceAccount>("n", "default"); }));
    EXPECT_TRUE(List<core::Pod>("n").empty());
    EXPECT_FALSE(Exists<core::ConfigMap>("n", "old"));
    Create<core::ConfigMap>("n", R"({"metadata":{"name":"old"}})");
    Create<core::Pod>(
        "n", R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}]}})");
    Delete<core::Namespace>("", "n");
    const auto refused = create();
    ASSERT_FALSE(refused.ok()) << "it is still ending";
    EXPECT_EQ(refused.error().reason, Reason::kAlreadyExists);
    // The moment that it is gone.
    ASSERT_TRUE(Eventually([&] { return create().ok(); }));
    Create<core::ConfigMap>("n", R"({"metadata":{"name":"new"}})");
    EXPECT_TRUE(Never([&] { return !Exists<core::ConfigMap>("n", "new"); }, 20s));
    EXPECT_EQ(Get<core::Namespace>("", "n")->status().phase(), "Active");
    EXPECT_FALSE(Exists<core::ConfigMap>("n", "old"));
    EXPECT_TRUE(Exists<core::ServiceAccount>("n", "default"));
    EXPECT_TRUE(Exists<core::ConfigMap>("n", "kube-root-ca.crt"));
    Delete<core::Namespace>("", "n");
    ASSERT_TRUE(Eventually([&] { return !Exists<core::Namespace>("", "n"); }));
  }
}

// How many deletions of single ConfigMaps the API server has answered.
int SingleDeletions() {
  int count = 0;
  std::istringstream lines(telemetry::DefaultRegistry().Expose());
  for (std::string line; std::getline(lines, line);) {
    const auto has = [&line](const char* text) { return line.find(text) != std::string::npos; };
    if (has("apiserver_request_total{") && has("verb=\"DELETE\"") && has("resource=\"configmaps\""))
      count += std::stoi(line.substr(line.rfind(' ')));
  }
  return count;
}

// What is many goes by one request, which the server bounds: not by as many as there are objects at
// once.
TEST_F(NamespacesTest, ManyObjectsGoByOneRequest) {
  Create<core::Namespace>("", R"({"metadata":{"name":"n"}})");
  for (int i = 0; i < 700; ++i) {
    Create<core::ConfigMap>("n", R"({"metadata":{"name":"c)" + std::to_string(i) + R"("}})");
  }
  const int before = SingleDeletions();
  Delete<core::Namespace>("", "n");
  EXPECT_TRUE(Eventually([&] { return !Exists<core::Namespace>("", "n"); }));
  EXPECT_EQ(SingleDeletions(), before);
}

}  // namespace
}  // namespace wherry::sim
