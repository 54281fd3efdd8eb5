#include "nodeagent/lifecycle/admission.h"

#include "tests/unit/nodeagent/lifecycle/pod_builder.h"

#include <gtest/gtest.h>

namespace wherry::nodeagent::lifecycle {
namespace {

std::optional<PodVerdict> AdmitOn(const std::string& metadata, const std::string& spec) {
  const NodeFacts node{.node_name = "n", .allocatable = {{"pods", 110}}};
  return Admit(PodFrom(R"({"metadata":{"name":"p")" + metadata + R"(},"spec":{)" + spec +
                       R"("containers":[{"name":"c"}]}})"),
               {}, node);
}

std::optional<PodVerdict> WithProfile(const std::string& profile) {
  return AdmitOn(
      R"(,"annotations":{"container.apparmor.security.beta.kubernetes.io/c":")" + profile + R"("})",
      "");
}

TEST(Admit, RefusesAnotherOperatingSystem) {
  auto verdict = AdmitOn("", R"("os":{"name":"windows"},)");
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->reason, "PodOSNotSupported");
  EXPECT_FALSE(AdmitOn("", R"("os":{"name":"linux"},)"));
  EXPECT_FALSE(AdmitOn("", ""));
}

TEST(Admit, RefusesAnAppArmorProfileThatNobodyWouldEnforce) {
  auto verdict = WithProfile("localhost/strict");
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->reason, "AppArmor");
  EXPECT_EQ(verdict->message,
            "Pod was rejected: Cannot enforce AppArmor: profile \"localhost/strict\" of container "
            "\"c\" is not supported by this node");
  EXPECT_FALSE(WithProfile("unconfined"));
  EXPECT_FALSE(WithProfile("runtime/default"));
}

}  // namespace
}  // namespace wherry::nodeagent::lifecycle
