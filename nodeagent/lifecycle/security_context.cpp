#include "nodeagent/lifecycle/security_context.h"

#include "lib/linux/file.h"
#include "proto/api/core/v1.pb.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace wherry::nodeagent::lifecycle {

namespace {

// What container runtimes hide from containers that are not privileged.
// Source: containerd oci defaultUnixSpec, moby oci/defaults.go.
constexpr const char* kMaskedPaths[] = {
    "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/proc/interrupts",
    "/sys/firmware",
    // The processor's energy counters tell what others compute (CVE-2020-8694).
    "/sys/devices/virtual/powercap"};
constexpr const char* kReadonlyPaths[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                          "/proc/sysrq-trigger"};

// How hot each processor is tells what others compute. Their number does not change.
const std::vector<std::string>& ThermalThrottles() {
  static const std::vector<std::string> paths = ThermalThrottlesBelow("/sys/devices/system/cpu");
  return paths;
}

std::optional<int64_t> Number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value < 0)
    return std::nullopt;
  return value;
}

void TakeImageUser(const std::string& user, runtime::SecurityContext* planned) {
  const size_t colon = user.find(':');
  const std::string name = user.substr(0, colon);
  if (std::optional<int64_t> uid = Number(name))
    planned->run_as_user = *uid;
  else
    planned->run_as_username = name;
  if (colon == std::string::npos || planned->run_as_group >= 0) return;
  if (std::optional<int64_t> gid = Number(user.substr(colon + 1)))
    planned->run_as_group = *gid;
  else
    planned->run_as_username = user;  // the group's name is looked up with the user's
}

// A profile that cannot be had is an error: nothing may run with less than it asked for
// (CVE-2023-2431).
Result<std::string> SeccompProfile(const api::core::v1::SeccompProfile& profile) {
  if (profile.type() == "RuntimeDefault" || profile.type() == "Unconfined") return profile.type();
  return MakeError(Reason::kInvalid, "seccomp profile of type \"" + profile.type() + "\" (\"" +
                                         profile.localhostprofile() + "\") is not supported");
}

Status CheckNonRoot(const Pod& pod, const Container& container,
                    const runtime::SecurityContext& planned) {
  if (!planned.run_as_non_root) return Ok();
  const std::string where =
      " (pod: \"" + FormatPod(pod) + "\", container: " + container.name() + ")";
  if (planned.run_as_user == 0)
    return MakeError(Reason::kInvalid, "container's runAsUser breaks non-root policy" + where);
  if (planned.run_as_user > 0) return Ok();
  if (!planned.run_as_username.empty())
    return MakeError(Reason::kInvalid,
                     "container has runAsNonRoot and image has non-numeric user (" +
                         planned.run_as_username + "), cannot verify user is non-root" + where);
  return MakeError(Reason::kInvalid,
                   "container has runAsNonRoot and image will run as root" + where);
}

}  // namespace

Result<runtime::SecurityContext> PlanSecurity(const Pod& pod, const Container& container,
                                              const images::ImageConfig& image) {
  const auto& of_pod = pod.spec().securitycontext();
  const auto& own = container.securitycontext();
  runtime::SecurityContext planned;
  if (own.has_runasuser())
    planned.run_as_user = own.runasuser();
  else if (of_pod.has_runasuser())
    planned.run_as_user = of_pod.runasuser();
  if (own.has_runasgroup())
    planned.run_as_group = own.runasgroup();
  else if (of_pod.has_runasgroup())
    planned.run_as_group = of_pod.runasgroup();
  if (planned.run_as_user < 0 && !image.user.empty()) TakeImageUser(image.user, &planned);
  planned.run_as_non_root = own.has_runasnonroot() ? own.runasnonroot() : of_pod.runasnonroot();
  TRY_STATUS(CheckNonRoot(pod, container, planned));

  planned.supplemental_groups.assign(of_pod.supplementalgroups().begin(),
                                     of_pod.supplementalgroups().end());
  if (of_pod.has_fsgroup()) planned.supplemental_groups.push_back(of_pod.fsgroup());
  planned.privileged = own.privileged();
  planned.read_only_root_filesystem = own.readonlyrootfilesystem();
  if (own.has_allowprivilegeescalation())
    planned.allow_privilege_escalation = own.allowprivilegeescalation();
  planned.add_capabilities.assign(own.capabilities().add().begin(), own.capabilities().add().end());
  planned.drop_capabilities.assign(own.capabilities().drop().begin(),
                                   own.capabilities().drop().end());
  if (planned.privileged) {
    planned.seccomp_profile = "Unconfined";
  } else if (own.has_seccompprofile()) {
    TRY(planned.seccomp_profile, SeccompProfile(own.seccompprofile()));
  } else if (of_pod.has_seccompprofile()) {
    TRY(planned.seccomp_profile, SeccompProfile(of_pod.seccompprofile()));
  }
  if (!planned.privileged && own.procmount() != "Unmasked") {
    planned.masked_paths.assign(std::begin(kMaskedPaths), std::end(kMaskedPaths));
    const std::vector<std::string>& throttles = ThermalThrottles();
    planned.masked_paths.insert(planned.masked_paths.end(), throttles.begin(), throttles.end());
    planned.readonly_paths.assign(std::begin(kReadonlyPaths), std::end(kReadonlyPaths));
  }
  return planned;
}

std::vector<std::string> ThermalThrottlesBelow(const std::string& cpus) {
  std::vector<std::string> paths;
  auto listed =
      linux::ForEachEntry(AT_FDCWD, cpus, [&](const std::string& name, unsigned char) -> Status {
        const std::string path = cpus + "/" + name + "/thermal_throttle";
        if (name.starts_with("cpu") && ::access(path.c_str(), F_OK) == 0) paths.push_back(path);
        return Ok();
      });
  Ignore(listed, "a machine that does not show its processors hides this too");
  std::ranges::sort(paths);
  return paths;
}

}  // namespace wherry::nodeagent::lifecycle
