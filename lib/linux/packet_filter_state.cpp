#include "lib/linux/packet_filter_state.h"

#include "lib/linux/fd.h"
#include "lib/linux/netlink_message.h"

// The C library's network types first: the kernel's headers then leave them alone.
#include <netinet/in.h>
// Keeps the two groups apart.
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <string>
#include <string_view>

namespace wherry::linux {

Result<uint64_t> NftablesGeneration() {
  const std::string what = "read the nftables generation";
  TRY(NetlinkSocket socket, NetlinkSocket::Open(NETLINK_NETFILTER));
  const nfgenmsg family{.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = 0};
  const NetlinkMessage message =
      NetlinkRequest((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETGEN, 0, family);
  std::optional<uint64_t> generation;
  TRY_STATUS(socket.Exchange(message.get(), what, [&generation](nlmsghdr* answer) {
    nlattr* id = nlmsg_find_attr(answer, sizeof(nfgenmsg), NFTA_GEN_ID);
    if (id != nullptr && nla_len(id) == 4) generation = ntohl(nla_get_u32(id));
  }));
  if (!generation) return MakeError(Reason::kInternalError, what + ": it is missing");
  return *generation;
}

Result<uint64_t> LegacyTableState(const std::string& table) {
  const Fd fd(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  if (!fd.valid()) return ErrnoError(errno, "socket(IPPROTO_RAW)");
  ipt_getinfo info{};
  table.copy(info.name, sizeof info.name - 1);
  socklen_t size = sizeof info;
  if (::getsockopt(fd.get(), IPPROTO_IP, IPT_SO_GET_INFO, &info, &size) != 0) {
    return ErrnoError(errno, "read the state of iptables table '" + table + "'");
  }
  uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
  for (const char byte : std::string_view(reinterpret_cast<const char*>(&info), sizeof info)) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
  }
  return hash;
}

}  // namespace wherry::linux
