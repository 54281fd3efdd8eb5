#pragma once

#include "lib/base/result.h"
#include "lib/linux/netlink.h"
#include "lib/linux/netlink_message.h"

#include <cstdint>
#include <vector>

// The kernel's table of connections, as far as address translation of datagrams needs it. Source:
// include/uapi/linux/netfilter/nfnetlink_conntrack.h.
namespace wherry::linux {

// One IPv4 UDP flow: what the client sent its first datagram to, and who answers it. The two differ
// where the destination was translated.
struct UdpFlow {
  Ipv4 source;
  uint16_t source_port = 0;
  Ipv4 destination;
  uint16_t destination_port = 0;
  Ipv4 answers_from;
  uint16_t answers_from_port = 0;
  uint16_t zone = 0;
  bool operator==(const UdpFlow&) const = default;
};

// A NETLINK_NETFILTER socket for the network namespace it was opened in. Needs CAP_NET_ADMIN.
//
// Blocking: reading the table takes a second per some million entries; use it on Blocking.
// Errors: kInternalError with the kernel's errno (EPROTONOSUPPORT, EINVAL: no ctnetlink there).
class ConntrackSocket {
 public:
  static Result<ConntrackSocket> Open();

  Result<std::vector<UdpFlow>> UdpFlows();
  // Gone already is fine.
  Status Delete(const UdpFlow& flow);

 private:
  explicit ConntrackSocket(NetlinkSocket socket) : socket_(std::move(socket)) {}
  NetlinkSocket socket_;
};

}  // namespace wherry::linux
