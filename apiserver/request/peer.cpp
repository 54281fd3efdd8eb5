#include "apiserver/request/peer.h"

namespace wherry::apiserver {

std::string PeerHost(std::string_view peer_address) {
  std::string_view host = peer_address.substr(0, peer_address.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  constexpr std::string_view kMapped = "::ffff:";
  if (host.starts_with(kMapped) && host.find('.') != std::string_view::npos) {
    host.remove_prefix(kMapped.size());
  }
  return std::string(host);
}

}  // namespace wherry::apiserver
