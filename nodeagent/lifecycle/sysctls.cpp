#include "nodeagent/lifecycle/sysctls.h"

#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::nodeagent::lifecycle {
namespace {

constexpr const char* kSafe[] = {"kernel.shm_rmid_forced",
                                 "net.ipv4.ip_local_port_range",
                                 "net.ipv4.tcp_syncookies",
                                 "net.ipv4.ping_group_range",
                                 "net.ipv4.ip_unprivileged_port_start",
                                 "net.ipv4.ip_local_reserved_ports"};

// sysctl(8) takes slashes for dots; the first of either says which one separates.
std::string WithDots(std::string name) {
  const size_t first = name.find_first_of("./");
  if (first == std::string::npos || name[first] == '.') return name;
  for (char& c : name) c = c == '/' ? '.' : c == '.' ? '/' : c;
  return name;
}

bool Matches(const std::string& name, const std::string& pattern) {
  const std::string dotted = WithDots(pattern);
  if (!dotted.ends_with('*')) return name == dotted;
  return name.starts_with(std::string_view(dotted).substr(0, dotted.size() - 1));
}

}  // namespace

Status CheckSysctls(const Pod& pod, const std::vector<std::string>& allowed_unsafe) {
  const auto& spec = pod.spec();
  for (const auto& sysctl : spec.securitycontext().sysctls()) {
    const std::string name = WithDots(sysctl.name());
    auto matches = [&](const std::string& pattern) { return Matches(name, pattern); };
    if (std::ranges::find(kSafe, name) == std::end(kSafe) &&
        std::ranges::none_of(allowed_unsafe, matches)) {
      return MakeError(Reason::kForbidden, "\"" + name + "\" not allowlisted");
    }
    const bool net = name.starts_with("net.");
    if (net ? spec.hostnetwork() : spec.hostipc()) {
      return MakeError(Reason::kForbidden, "\"" + name + "\" not allowed with host " +
                                               (net ? "net" : "ipc") + " enabled");
    }
  }
  return Ok();
}

}  // namespace wherry::nodeagent::lifecycle
