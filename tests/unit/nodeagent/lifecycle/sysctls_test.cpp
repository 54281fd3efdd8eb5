#include "nodeagent/lifecycle/sysctls.h"

#include "nodeagent/lifecycle/admission.h"
#include "tests/unit/nodeagent/lifecycle/pod_builder.h"

#include <gtest/gtest.h>

namespace wherry::nodeagent::lifecycle {
namespace {

Pod PodWith(const std::string& sysctl, const std::string& more = "") {
  return PodFrom(R"({"metadata":{"name":"p"},"spec":{)" + more +
                 R"("securityContext":{"sysctls":[{"name":")" + sysctl + R"(","value":"1"}]}}})");
}

TEST(CheckSysctls, OnlySafeOnesAndWhatTheAdministratorAllowed) {
  struct Case {
    const char* name;
    std::vector<std::string> allowed;
    const char* refusal;
  };
  const Case cases[] = {
      {"net.ipv4.ip_unprivileged_port_start", {}, ""},
      {"net/ipv4/tcp_syncookies", {}, ""},
      {"kernel.shm_rmid_forced", {}, ""},
      {"net.ipv4.ip_forward", {}, "\"net.ipv4.ip_forward\" not allowlisted"},
      {"net/ipv4/ip_forward", {}, "\"net.ipv4.ip_forward\" not allowlisted"},
      {"kernel.msgmax", {}, "\"kernel.msgmax\" not allowlisted"},
      {"net.core.somaxconn", {"net.core.somaxconn"}, ""},
      {"net.core.somaxconn", {"net/core/somaxconn"}, ""},
      {"net.core.somaxconn", {"kernel.*", "net.core.*"}, ""},
      {"net.core.somaxconn", {"net.core.some"}, "\"net.core.somaxconn\" not allowlisted"},
      {"kernel.msgmax", {"kernel.msg*"}, ""},
  };
  for (const Case& c : cases) {
    auto checked = CheckSysctls(PodWith(c.name), c.allowed);
    EXPECT_EQ(checked.ok() ? "" : checked.error().message, c.refusal) << c.name;
  }
}

TEST(CheckSysctls, NoneOfTheNodesOwnNamespaces) {
  EXPECT_EQ(CheckSysctls(PodWith("net.ipv4.tcp_syncookies", R"("hostNetwork":true,)"), {})
                .error()
                .message,
            "\"net.ipv4.tcp_syncookies\" not allowed with host net enabled");
  EXPECT_EQ(
      CheckSysctls(PodWith("kernel.shm_rmid_forced", R"("hostIPC":true,)"), {}).error().message,
      "\"kernel.shm_rmid_forced\" not allowed with host ipc enabled");
  EXPECT_TRUE(CheckSysctls(PodWith("kernel.shm_rmid_forced", R"("hostNetwork":true,)"), {}).ok());
}

TEST(Admit, RefusesAPodWithAForbiddenSysctl) {
  NodeFacts node{.node_name = "n", .allocatable = {{"pods", 110}}};
  auto verdict = Admit(PodWith("net.ipv4.ip_forward"), {}, node);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->reason, "SysctlForbidden");
  EXPECT_EQ(verdict->message,
            "Pod was rejected: forbidden sysctl: \"net.ipv4.ip_forward\" not allowlisted");
  node.allowed_unsafe_sysctls = {"net.ipv4.*"};
  EXPECT_FALSE(Admit(PodWith("net.ipv4.ip_forward"), {}, node));
}

}  // namespace
}  // namespace wherry::nodeagent::lifecycle
