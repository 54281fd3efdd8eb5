#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>

// What the default profile allows, as tables. Source: containerd's contrib/seccomp.
namespace wherry::linux {

// Names of other architectures are among them.
std::span<const char* const> CallsForAll();

// Allowed only to holders of a capability, whose kernel checks then decide.
struct CapabilityCalls {
  int capability;
  std::initializer_list<const char*> calls;
};
std::span<const CapabilityCalls> CallsByCapability();

inline constexpr int kSysAdmin = 21;

// personality(2) values: Linux, 32-bit Linux, with and without the old layout, and "just asking".
inline constexpr uint64_t kPersonalities[] = {0x0, 0x8, 0x20000, 0x20008, 0xffffffff};

// CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}
inline constexpr uint64_t kNamespaceFlags = 0x7E020000;

// socket(2) reads the lower half of its argument only, so that comparing the whole register would
// let a family pass in disguise. These are all families but AF_ALG (38), whose code is a way into
// the kernel that containers do not need, and AF_VSOCK (40), which reaches the hypervisor past
// every network namespace.
struct SocketFamilies {
  uint64_t mask;
  uint64_t value;
};
inline constexpr SocketFamilies kSocketFamilies[] = {
    {0xffffffe0, 0},  {0xfffffffc, 32}, {0xfffffffe, 36}, {0xffffffff, 39},
    {0xffffffff, 41}, {0xfffffffe, 42}, {0xfffffffc, 44}};

}  // namespace wherry::linux
