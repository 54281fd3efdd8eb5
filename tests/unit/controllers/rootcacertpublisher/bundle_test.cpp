#include "controllers/rootcacertpublisher/bundle.h"

#include "proto/api/core/v1.pb.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace wherry::controllers::rootcacertpublisher {
namespace {

TEST(WithRootCa, MakesTheConfigMapThatProjectedVolumesName) {
  const auto bundle = WithRootCa("n", nullptr, "PEM");
  ASSERT_NE(bundle, nullptr);
  EXPECT_EQ(bundle->metadata().name(), "kube-root-ca.crt");
  EXPECT_EQ(bundle->metadata().namespace_(), "n");
  EXPECT_EQ(bundle->data().at("ca.crt"), "PEM");
  EXPECT_FALSE(bundle->metadata().annotations().at("kubernetes.io/description").empty());
  EXPECT_EQ(WithRootCa("n", bundle.get(), "PEM"), nullptr) << "right already";
}

TEST(WithRootCa, RestoresWhatWasAltered) {
  const auto base = WithRootCa("n", nullptr, "PEM");
  struct Case {
    const char* name;
    std::function<void(corev1::ConfigMap&)> alter;
  };
  const std::vector<Case> cases = {
      {"another authority", [](auto& map) { (*map.mutable_data())["ca.crt"] = "forged"; }},
      {"no authority", [](auto& map) { map.mutable_data()->clear(); }},
      {"more than it", [](auto& map) { (*map.mutable_data())["x"] = "y"; }},
      {"no description", [](auto& map) { map.mutable_metadata()->clear_annotations(); }},
  };
  for (const auto& c : cases) {
    auto altered = *base;
    (*altered.mutable_metadata()->mutable_labels())["kept"] = "yes";
    altered.mutable_metadata()->set_resourceversion("7");
    c.alter(altered);
    const auto restored = WithRootCa("n", &altered, "PEM");
    ASSERT_NE(restored, nullptr) << c.name;
    EXPECT_EQ(restored->data().size(), 1u) << c.name;
    EXPECT_EQ(restored->data().at("ca.crt"), "PEM") << c.name;
    EXPECT_EQ(restored->metadata().labels().at("kept"), "yes") << c.name;
    EXPECT_EQ(restored->metadata().resourceversion(), "7") << c.name;
  }
}

}  // namespace
}  // namespace wherry::controllers::rootcacertpublisher
