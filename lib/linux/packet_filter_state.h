#pragma once

#include "lib/base/result.h"

#include <cstdint>
#include <string>

// Cheap signs that the packet filter's rules in this thread's network namespace were changed, by
// whomever: one exchange with the kernel, however many rules there are. Need CAP_NET_ADMIN.
namespace wherry::linux {

// A number that grows with each change of nftables rules, those of iptables-nft included. Source:
// NFT_MSG_GETGEN.
Result<uint64_t> NftablesGeneration();

// A number that differs when rules of that legacy iptables table were added, removed or moved to
// another chain. Source: IPT_SO_GET_INFO.
Result<uint64_t> LegacyTableState(const std::string& table);

}  // namespace wherry::linux
