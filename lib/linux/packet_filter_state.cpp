#include "lib/linux/packet_filter_state.h"

#include "lib/linux/fd.h"

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
#include <memory>
#include <string_view>

namespace wherry::linux {
namespace {

struct FreeMessage {
  void operator()(nl_msg* message) const { nlmsg_free(message); }
};

}  // namespace

Result<uint64_t> NftablesGeneration() {
  const Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!fd.valid()) return ErrnoError(errno, "socket(NETLINK_NETFILTER)");
  const std::unique_ptr<nl_msg, FreeMessage> message(
      nlmsg_alloc_simple((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETGEN, NLM_F_REQUEST));
  CHECK(message != nullptr);
  nfgenmsg family{.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = 0};
  CHECK(nlmsg_append(message.get(), &family, sizeof family, NLMSG_ALIGNTO) == 0);
  const nlmsghdr* request = nlmsg_hdr(message.get());
  if (::send(fd.get(), request, request->nlmsg_len, 0) < 0) {
    return ErrnoError(errno, "ask for the nftables generation");
  }
  alignas(nlmsghdr) char buffer[4096];
  const ssize_t size = ::recv(fd.get(), buffer, sizeof buffer, 0);
  if (size < 0) return ErrnoError(errno, "read the nftables generation");
  auto* answer = reinterpret_cast<nlmsghdr*>(buffer);
  if (nlmsg_ok(answer, static_cast<int>(size)) == 0) {
    return MakeError(Reason::kInternalError, "read the nftables generation: cut off");
  }
  if (answer->nlmsg_type == NLMSG_ERROR) {
    return ErrnoError(-static_cast<nlmsgerr*>(nlmsg_data(answer))->error,
                      "read the nftables generation");
  }
  nlattr* id = nlmsg_find_attr(answer, sizeof(nfgenmsg), NFTA_GEN_ID);
  if (id == nullptr || nla_len(id) != 4) {
    return MakeError(Reason::kInternalError, "read the nftables generation: it is missing");
  }
  return ntohl(nla_get_u32(id));
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
