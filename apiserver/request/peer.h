#pragma once

#include <string>
#include <string_view>

namespace wherry::apiserver {

// The key under which a user's extra tells from which address the request came. The server alone
// sets it, and only where somebody goes by it: on certificate requests.
inline constexpr std::string_view kPeerAddressExtra = "wherry.dev/peer-address";

// The address in "10.0.0.7:51234" or "[::1]:51234", an IPv4 address as such also when it came as
// "::ffff:10.0.0.7"; "" for "".
std::string PeerHost(std::string_view peer_address);

}  // namespace wherry::apiserver
