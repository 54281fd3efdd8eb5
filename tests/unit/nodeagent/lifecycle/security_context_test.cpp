#include "nodeagent/lifecycle/security_context.h"

#include "lib/linux/file.h"
#include "lib/linux/temp_dir.h"
#include "tests/unit/nodeagent/lifecycle/pod_builder.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace wherry::nodeagent::lifecycle {
namespace {

Result<runtime::SecurityContext> Plan(const std::string& of_pod, const std::string& own) {
  Pod pod = PodFrom(R"({"metadata":{"name":"p"},"spec":{"securityContext":)" + of_pod +
                    R"(,"containers":[{"name":"c","securityContext":)" + own + "}]}}");
  return PlanSecurity(pod, pod.spec().containers(0), {});
}

std::string Profile(const std::string& json) { return R"({"seccompProfile":)" + json + "}"; }

TEST(PlanSecurity, TheContainersSeccompProfileCountsBeforeThePods) {
  const std::string standard = Profile(R"({"type":"RuntimeDefault"})");
  const std::string none = Profile(R"({"type":"Unconfined"})");
  EXPECT_EQ(Plan(none, standard)->seccomp_profile, "RuntimeDefault");
  EXPECT_EQ(Plan(standard, none)->seccomp_profile, "Unconfined");
  EXPECT_EQ(Plan(none, "{}")->seccomp_profile, "Unconfined");
  EXPECT_EQ(Plan(standard, R"({"privileged":true})")->seccomp_profile, "Unconfined");
}

// CVE-2023-2431: a Localhost profile without a name ran without any filter.
TEST(PlanSecurity, AProfileThatCannotBeHadIsAnErrorAndNotNoFilter) {
  for (const char* profile :
       {R"({"type":"Localhost"})", R"({"type":"Localhost","localhostProfile":""})",
        R"({"type":"Localhost","localhostProfile":"Unconfined"})",
        R"({"type":"Localhost","localhostProfile":"p.json"})", "{}"}) {
    for (const auto& planned : {Plan(Profile(profile), "{}"), Plan("{}", Profile(profile))}) {
      ASSERT_FALSE(planned.ok()) << profile;
      EXPECT_EQ(planned.error().reason, Reason::kInvalid);
    }
  }
}

TEST(PlanSecurity, CountersThatTellOfOthersAreMasked) {
  const auto masked = Plan("{}", "{}")->masked_paths;
  for (const char* path :
       {"/proc/interrupts", "/proc/kcore", "/sys/devices/virtual/powercap", "/sys/firmware"}) {
    EXPECT_EQ(std::ranges::count(masked, path), 1) << path;
  }
}

TEST(PlanSecurity, ThermalThrottlesOfEveryProcessorAreHidden) {
  auto directory = linux::TempDir::Make("/tmp", "wherry-cpus-");
  ASSERT_TRUE(directory.ok());
  const std::string& cpus = directory->path();
  for (const char* name : {"cpu1/thermal_throttle", "cpu0/thermal_throttle", "cpu2/topology",
                           "power/thermal_throttle"})
    ASSERT_TRUE(linux::MakeDirs(AT_FDCWD, cpus + "/" + name, 0755).ok());
  const std::vector<std::string> wanted = {cpus + "/cpu0/thermal_throttle",
                                           cpus + "/cpu1/thermal_throttle"};
  EXPECT_EQ(ThermalThrottlesBelow(cpus), wanted);
  EXPECT_TRUE(ThermalThrottlesBelow(cpus + "/none").empty());
}

}  // namespace
}  // namespace wherry::nodeagent::lifecycle
