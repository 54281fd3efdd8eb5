#include "lib/linux/capabilities.h"

#include <linux/capability.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>

namespace wherry::linux {
namespace {

constexpr uint64_t Bit(int capability) { return uint64_t{1} << capability; }

bool IsAll(std::string_view name) { return name == "ALL" || name == "all" || name == "CAP_ALL"; }

}  // namespace

uint64_t DefaultCapabilities() {
  return Bit(CAP_CHOWN) | Bit(CAP_DAC_OVERRIDE) | Bit(CAP_FSETID) | Bit(CAP_FOWNER) |
         Bit(CAP_MKNOD) | Bit(CAP_NET_RAW) | Bit(CAP_SETGID) | Bit(CAP_SETUID) | Bit(CAP_SETFCAP) |
         Bit(CAP_SETPCAP) | Bit(CAP_NET_BIND_SERVICE) | Bit(CAP_SYS_CHROOT) | Bit(CAP_KILL) |
         Bit(CAP_AUDIT_WRITE);
}

Result<uint64_t> BoundingCapabilities() {
  uint64_t set = 0;
  for (int capability = 0; capability < 64; ++capability) {
    int held = ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (held < 0) break;
    if (held == 1) set |= Bit(capability);
  }
  if (set == 0) return ErrnoError(errno, "read the bounding capability set");
  return set;
}

Result<uint64_t> CapabilityBit(std::string_view name) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (!lower.starts_with("cap_")) lower = "cap_" + lower;
  cap_value_t value = 0;
  if (::cap_from_name(lower.c_str(), &value) != 0) {
    return MakeError(Reason::kInvalid, "unknown capability \"" + std::string(name) + "\"");
  }
  return Bit(value);
}

Result<uint64_t> ApplyCapabilityChanges(uint64_t base, uint64_t all,
                                        const std::vector<std::string>& add,
                                        const std::vector<std::string>& drop) {
  uint64_t set = base;
  if (std::ranges::any_of(add, IsAll)) set = all;
  if (std::ranges::any_of(drop, IsAll)) set = 0;
  for (const std::string& name : drop) {
    if (IsAll(name)) continue;
    TRY(uint64_t bit, CapabilityBit(name));
    set &= ~bit;
  }
  for (const std::string& name : add) {
    if (IsAll(name)) continue;
    TRY(uint64_t bit, CapabilityBit(name));
    set |= bit;
  }
  return set;
}

Status LimitBoundingSet(uint64_t keep) {
  for (int capability = 0; capability < 64; ++capability) {
    int held = ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (held < 0) break;
    if (held == 0 || (keep & Bit(capability)) != 0) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) {
      return ErrnoError(errno, "drop capability " + std::to_string(capability));
    }
  }
  return Ok();
}

Status SetCapabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) {
    return ErrnoError(errno, "clear ambient capabilities");
  }
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
  for (int half = 0; half < 2; ++half) {
    data[half].effective = static_cast<uint32_t>(effective >> (32 * half));
    data[half].permitted = static_cast<uint32_t>(permitted >> (32 * half));
    data[half].inheritable = static_cast<uint32_t>(inheritable >> (32 * half));
  }
  if (::syscall(SYS_capset, &header, data) != 0) return ErrnoError(errno, "capset");
  return Ok();
}

}  // namespace wherry::linux
