#pragma once

#include "lib/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Capability sets as bit masks: bit n is capability n. Source: capabilities(7).
namespace wherry::linux {

// What an ordinary container holds: containerd's and Docker's default list.
uint64_t DefaultCapabilities();
// Everything this kernel has and this process may hand on (its bounding set).
Result<uint64_t> BoundingCapabilities();
// The bit of "NET_ADMIN", "CAP_NET_ADMIN" or "net_admin". Errors: kInvalid for an unknown name.
Result<uint64_t> CapabilityBit(std::string_view name);

// What is left of `base` after adds and drops, "ALL" included. As in upstream's runtimes "drop ALL"
// counts before single adds, "add ALL" before single drops. `all` is what "ALL" means.
Result<uint64_t> ApplyCapabilityChanges(uint64_t base, uint64_t all,
                                        const std::vector<std::string>& add,
                                        const std::vector<std::string>& drop);

// Takes everything outside `keep` out of the calling thread's bounding set.
Status LimitBoundingSet(uint64_t keep);
// Sets the three sets of the calling thread, and its ambient set to nothing.
Status SetCapabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable);

}  // namespace wherry::linux
