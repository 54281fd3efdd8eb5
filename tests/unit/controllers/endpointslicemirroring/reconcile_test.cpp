#include "controllers/endpointslicemirroring/reconcile.h"

#include "proto/api/core/v1.pb.h"
#include "proto/api/discovery/v1.pb.h"
#include "tests/support/parse.h"

#include <gtest/gtest.h>

namespace wherry::controllers::endpointslicemirroring {
namespace {

using wherry::testing::Parse;

std::shared_ptr<corev1::Endpoints> Custom() {
  return Parse<corev1::Endpoints>(
      R"({"metadata":{"name":"db","namespace":"n","uid":"e-1","labels":{"a":"b"},
            "annotations":{"c":"d","kubectl.kubernetes.io/last-applied-configuration":"{}"}},
          "subsets":[{"addresses":[{"ip":"10.1.2.3","hostname":"h"},{"ip":"fd00::1"}],
                      "notReadyAddresses":[{"ip":"10.1.2.4"}],
                      "ports":[{"name":"sql","port":5432,"protocol":"TCP"}]}]})");
}

ServicePtr Service(const std::string& selector = "") {
  return Parse<corev1::Service>(R"({"metadata":{"name":"db"},"spec":{"selector":{)" + selector +
                                "}}}");
}

TEST(Reconcile, MirrorsEachFamilyWithReadiness) {
  const auto actions = Reconcile({.endpoints = Custom(), .service = Service()});
  ASSERT_EQ(actions.create.size(), 2u);
  const auto& slice = *actions.create[0];
  EXPECT_EQ(slice.addresstype(), "IPv4");
  EXPECT_EQ(slice.metadata().labels().at("kubernetes.io/service-name"), "db");
  EXPECT_EQ(slice.metadata().labels().at("endpointslice.kubernetes.io/managed-by"),
            kControllerName);
  EXPECT_EQ(slice.metadata().labels().at("a"), "b");
  EXPECT_EQ(slice.metadata().annotations().at("c"), "d");
  EXPECT_EQ(slice.metadata().annotations().size(), 1u);
  EXPECT_EQ(slice.metadata().ownerreferences(0).kind(), "Endpoints");
  ASSERT_EQ(slice.endpoints_size(), 2);
  EXPECT_EQ(slice.endpoints(0).hostname(), "h");
  EXPECT_TRUE(slice.endpoints(0).conditions().ready());
  EXPECT_FALSE(slice.endpoints(1).conditions().ready());
  EXPECT_EQ(slice.ports(0).port(), 5432);
  EXPECT_EQ(actions.create[1]->addresstype(), "IPv6");
}

TEST(Reconcile, RewritesInPlaceAndIsQuietWhenRight) {
  auto endpoints = Custom();
  auto created = Reconcile({.endpoints = endpoints, .service = Service()}).create;
  std::vector<EndpointSlicePtr> slices(created.begin(), created.end());
  created[0]->mutable_metadata()->set_name("db-1");
  created[0]->mutable_metadata()->set_uid("u");
  auto actions = Reconcile({.endpoints = endpoints, .service = Service(), .slices = slices});
  EXPECT_TRUE(actions.create.empty() && actions.update.empty() && actions.remove.empty());

  endpoints->mutable_subsets(0)->mutable_addresses(0)->set_ip("10.9.9.9");
  actions = Reconcile({.endpoints = endpoints, .service = Service(), .slices = slices});
  EXPECT_TRUE(actions.create.empty() && actions.remove.empty());
  ASSERT_EQ(actions.update.size(), 1u);
  EXPECT_EQ(actions.update[0]->metadata().name(), "db-1");
  EXPECT_EQ(actions.update[0]->endpoints(0).addresses(0), "10.9.9.9");
}

TEST(Reconcile, RemovesTheMirrorOfWhatMustNotBeMirrored) {
  const auto created = Reconcile({.endpoints = Custom(), .service = Service()}).create;
  const std::vector<EndpointSlicePtr> slices(created.begin(), created.end());
  auto skipped = Custom();
  (*skipped->mutable_metadata()->mutable_labels())[kSkipMirror] = "true";
  auto lock = Custom();
  (*lock->mutable_metadata()->mutable_annotations())["control-plane.alpha.kubernetes.io/leader"] =
      "{}";
  const std::vector<State> states = {
      {.service = Service(), .slices = slices},
      {.endpoints = Custom(), .slices = slices},
      {.endpoints = Custom(), .service = Service(R"("app":"x")"), .slices = slices},
      {.endpoints = skipped, .service = Service(), .slices = slices},
      {.endpoints = lock, .service = Service(), .slices = slices},
  };
  for (size_t i = 0; i < states.size(); ++i) {
    const auto actions = Reconcile(states[i]);
    EXPECT_EQ(actions.remove.size(), 2u) << i;
    EXPECT_TRUE(actions.create.empty()) << i;
  }
}

}  // namespace
}  // namespace wherry::controllers::endpointslicemirroring
