#pragma once

#include "lib/base/result.h"
#include "lib/linux/netlink.h"

#include <vector>

namespace wherry::linux {

// The IPv4 addresses on the links of this thread's network namespace. Source: getifaddrs(3).
Result<std::vector<Ipv4>> LocalAddresses();

}  // namespace wherry::linux
