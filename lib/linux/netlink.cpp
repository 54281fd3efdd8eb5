#include "lib/linux/netlink.h"

#include <arpa/inet.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>

namespace wherry::linux {
namespace {

struct FreeMessage {
  void operator()(nl_msg* message) const { nlmsg_free(message); }
};
using Message = std::unique_ptr<nl_msg, FreeMessage>;

template <typename Header>
Message Request(int type, int flags, const Header& header) {
  Message message(nlmsg_alloc_simple(type, NLM_F_REQUEST | flags));
  CHECK(message != nullptr);
  nlmsg_append(message.get(), const_cast<Header*>(&header), sizeof header, NLMSG_ALIGNTO);
  return message;
}

// Names are at most 15 bytes and options few: a page always holds them, so that puts cannot fail.
void Put(nl_msg* message, int type, uint32_t value) {
  CHECK(nla_put_u32(message, type, value) == 0);
}
void Put(nl_msg* message, int type, const std::string& value) {
  CHECK(nla_put_string(message, type, value.c_str()) == 0);
}
void Put(nl_msg* message, int type, const void* data, size_t bytes) {
  CHECK(nla_put(message, type, static_cast<int>(bytes), data) == 0);
}

class Nest {
 public:
  Nest(nl_msg* message, int type) : message_(message), start_(nla_nest_start(message, type)) {
    CHECK(start_ != nullptr);
  }
  ~Nest() { nla_nest_end(message_, start_); }
  Nest(const Nest&) = delete;
  Nest& operator=(const Nest&) = delete;

 private:
  nl_msg* message_;
  nlattr* start_;
};

ifinfomsg LinkHeader(int index, bool up) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = index;
  if (up) header.ifi_flags = header.ifi_change = IFF_UP;
  return header;
}

Error RouteError(int error, const std::string& what) {
  Error result = ErrnoError(error, what);
  if (error == ENODEV || error == ESRCH) result.reason = Reason::kNotFound;
  return result;
}

// Reads answers to `sequence` until the last; `each` gets every message that carries data.
Status ReadAnswers(int fd, uint32_t sequence, const std::string& what,
                   const std::function<void(nlmsghdr*)>& each) {
  alignas(nlmsghdr) static thread_local char buffer[32768];
  for (;;) {
    ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n < 0) {
      if (errno == EINTR) continue;
      return ErrnoError(errno, what);
    }
    int left = static_cast<int>(n);
    for (auto* header = reinterpret_cast<nlmsghdr*>(buffer); nlmsg_ok(header, left) != 0;
         header = nlmsg_next(header, &left)) {
      if (header->nlmsg_seq != sequence) continue;
      if (header->nlmsg_type == NLMSG_DONE) return Ok();
      if (header->nlmsg_type == NLMSG_ERROR) {
        int error = -static_cast<nlmsgerr*>(nlmsg_data(header))->error;
        if (error == 0) return Ok();
        return RouteError(error, what);
      }
      each(header);
    }
  }
}

Status Send(int fd, nl_msg* message, uint32_t sequence, int flags, const std::string& what) {
  nlmsghdr* header = nlmsg_hdr(message);
  header->nlmsg_seq = sequence;
  header->nlmsg_flags = static_cast<uint16_t>(header->nlmsg_flags | flags);
  if (::send(fd, header, header->nlmsg_len, 0) < 0) return ErrnoError(errno, what);
  return Ok();
}

rtmsg RouteHeader(const Ipv4Prefix& destination) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_dst_len = static_cast<uint8_t>(destination.length);
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  return header;
}

}  // namespace

Result<RouteSocket> RouteSocket::Open() {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd.valid()) return ErrnoError(errno, "open a netlink socket");
  return RouteSocket(std::move(fd));
}

Status RouteSocket::Exchange(nl_msg* raw, const std::string& what) {
  Message message(raw);
  ++sequence_;
  TRY_STATUS(Send(fd_.get(), raw, sequence_, NLM_F_ACK, what));
  return ReadAnswers(fd_.get(), sequence_, what, [](nlmsghdr*) {});
}

Result<LinkInfo> RouteSocket::Link(const std::string& name) {
  Message message = Request(RTM_GETLINK, 0, LinkHeader(0, false));
  Put(message.get(), IFLA_IFNAME, name);
  return ReadLink(message.release(), "find link '" + name + "'");
}

Result<LinkInfo> RouteSocket::LinkWith(Ipv4 address) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  Message message = Request(RTM_GETADDR, NLM_F_DUMP, header);
  std::string what = "find the link with address " + address.ToString();
  ++sequence_;
  TRY_STATUS(Send(fd_.get(), message.get(), sequence_, 0, what));
  int index = 0;
  TRY_STATUS(ReadAnswers(fd_.get(), sequence_, what, [&](nlmsghdr* answer) {
    const auto* entry = static_cast<const ifaddrmsg*>(nlmsg_data(answer));
    nlattr* local = nlmsg_find_attr(answer, sizeof *entry, IFA_LOCAL);
    if (local == nullptr || nla_len(local) != 4) return;
    if (std::memcmp(nla_data(local), address.bytes.data(), 4) == 0) {
      index = static_cast<int>(entry->ifa_index);
    }
  }));
  if (index == 0) return MakeError(Reason::kNotFound, what + ": there is none");
  return ReadLink(Request(RTM_GETLINK, 0, LinkHeader(index, false)).release(), what);
}

Result<LinkInfo> RouteSocket::ReadLink(nl_msg* raw, const std::string& what) {
  Message message(raw);
  ++sequence_;
  TRY_STATUS(Send(fd_.get(), message.get(), sequence_, NLM_F_ACK, what));
  LinkInfo info;
  TRY_STATUS(ReadAnswers(fd_.get(), sequence_, what, [&](nlmsghdr* header) {
    const auto* link = static_cast<const ifinfomsg*>(nlmsg_data(header));
    info.index = link->ifi_index;
    info.up = (link->ifi_flags & IFF_UP) != 0;
    if (nlattr* mtu = nlmsg_find_attr(header, sizeof *link, IFLA_MTU); mtu != nullptr) {
      info.mtu = static_cast<int>(nla_get_u32(mtu));
    }
    nlattr* mac = nlmsg_find_attr(header, sizeof *link, IFLA_ADDRESS);
    if (mac != nullptr && nla_len(mac) == 6) std::memcpy(info.mac.data(), nla_data(mac), 6);
  }));
  return info;
}

Status RouteSocket::AddBridge(const std::string& name, int mtu, const std::array<uint8_t, 6>& mac) {
  Message message = Request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, LinkHeader(0, false));
  Put(message.get(), IFLA_IFNAME, name);
  Put(message.get(), IFLA_MTU, static_cast<uint32_t>(mtu));
  if (mac != std::array<uint8_t, 6>{}) Put(message.get(), IFLA_ADDRESS, mac.data(), mac.size());
  {
    Nest info(message.get(), IFLA_LINKINFO);
    Put(message.get(), IFLA_INFO_KIND, std::string("bridge"));
  }
  return Exchange(message.release(), "make bridge '" + name + "'");
}

Status RouteSocket::AddVeth(const VethOptions& options) {
  Message message = Request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, LinkHeader(0, true));
  nl_msg* raw = message.get();
  Put(raw, IFLA_IFNAME, options.name);
  Put(raw, IFLA_MTU, static_cast<uint32_t>(options.mtu));
  if (options.master != 0) Put(raw, IFLA_MASTER, static_cast<uint32_t>(options.master));
  {
    Nest info(raw, IFLA_LINKINFO);
    Put(raw, IFLA_INFO_KIND, std::string("veth"));
    Nest data(raw, IFLA_INFO_DATA);
    Nest peer(raw, VETH_INFO_PEER);
    // The peer cannot be brought up here: veth_open wants the pair complete.
    ifinfomsg header = LinkHeader(0, false);
    nlmsg_append(raw, &header, sizeof header, NLMSG_ALIGNTO);
    Put(raw, IFLA_IFNAME, options.peer_name);
    Put(raw, IFLA_MTU, static_cast<uint32_t>(options.mtu));
    Put(raw, IFLA_ADDRESS, options.mac.data(), options.mac.size());
    Put(raw, IFLA_NET_NS_PID, static_cast<uint32_t>(options.peer_pid));
  }
  return Exchange(message.release(), "make veth '" + options.name + "'");
}

Status RouteSocket::DeleteLink(const std::string& name) {
  Message message = Request(RTM_DELLINK, 0, LinkHeader(0, false));
  Put(message.get(), IFLA_IFNAME, name);
  return Exchange(message.release(), "delete link '" + name + "'");
}

Status RouteSocket::SetUp(int index) {
  Message message = Request(RTM_NEWLINK, 0, LinkHeader(index, true));
  return Exchange(message.release(), "bring up link " + std::to_string(index));
}

Status RouteSocket::SetMtu(int index, int mtu) {
  Message message = Request(RTM_NEWLINK, 0, LinkHeader(index, false));
  Put(message.get(), IFLA_MTU, static_cast<uint32_t>(mtu));
  return Exchange(message.release(), "set the MTU of link " + std::to_string(index));
}

Status RouteSocket::SetMac(int index, const std::array<uint8_t, 6>& mac) {
  Message message = Request(RTM_NEWLINK, 0, LinkHeader(index, false));
  Put(message.get(), IFLA_ADDRESS, mac.data(), mac.size());
  return Exchange(message.release(), "set the MAC address of link " + std::to_string(index));
}

Status RouteSocket::IsolatePort(int port_index) {
  ifinfomsg header = LinkHeader(port_index, false);
  header.ifi_family = AF_BRIDGE;
  Message message = Request(RTM_SETLINK, 0, header);
  {
    Nest port(message.get(), IFLA_PROTINFO | NLA_F_NESTED);
    CHECK(nla_put_u8(message.get(), IFLA_BRPORT_ISOLATED, 1) == 0);
  }
  return Exchange(message.release(), "isolate port " + std::to_string(port_index));
}

Status RouteSocket::AddAddress(int index, const Ipv4Prefix& address) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = static_cast<uint8_t>(address.length);
  header.ifa_index = static_cast<uint32_t>(index);
  Message message = Request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, header);
  Put(message.get(), IFA_LOCAL, address.address.bytes.data(), 4);
  Put(message.get(), IFA_ADDRESS, address.address.bytes.data(), 4);
  auto added = Exchange(message.release(), "add address " + address.ToString());
  if (!added.ok() && added.error().os_errno == EEXIST) return Ok();
  return added;
}

Status RouteSocket::DeleteAddress(int index, const Ipv4Prefix& address) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = static_cast<uint8_t>(address.length);
  header.ifa_index = static_cast<uint32_t>(index);
  Message message = Request(RTM_DELADDR, 0, header);
  Put(message.get(), IFA_LOCAL, address.address.bytes.data(), 4);
  auto deleted = Exchange(message.release(), "delete address " + address.ToString());
  if (!deleted.ok() && deleted.error().os_errno == EADDRNOTAVAIL) return Ok();
  return deleted;
}

Status RouteSocket::ReplaceRoute(const Ipv4Prefix& destination, std::optional<Ipv4> via,
                                 int index) {
  rtmsg header = RouteHeader(destination);
  if (!via) header.rtm_scope = RT_SCOPE_LINK;
  Message message = Request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, header);
  if (destination.length > 0) {
    Put(message.get(), RTA_DST, destination.Network().address.bytes.data(), 4);
  }
  if (via) Put(message.get(), RTA_GATEWAY, via->bytes.data(), 4);
  if (index != 0) Put(message.get(), RTA_OIF, static_cast<uint32_t>(index));
  return Exchange(message.release(), "add route to " + destination.ToString() +
                                         (via ? " via " + via->ToString() : std::string()));
}

Status RouteSocket::DeleteRoute(const Ipv4Prefix& destination) {
  rtmsg header = RouteHeader(destination);
  header.rtm_scope = RT_SCOPE_NOWHERE;
  Message message = Request(RTM_DELROUTE, 0, header);
  if (destination.length > 0) {
    Put(message.get(), RTA_DST, destination.Network().address.bytes.data(), 4);
  }
  auto deleted = Exchange(message.release(), "delete route to " + destination.ToString());
  if (!deleted.ok() && deleted.error().os_errno == ESRCH) return Ok();
  return deleted;
}

Result<std::vector<RouteInfo>> RouteSocket::Routes() {
  rtmsg header{};
  header.rtm_family = AF_INET;
  Message message = Request(RTM_GETROUTE, NLM_F_DUMP, header);
  ++sequence_;
  TRY_STATUS(Send(fd_.get(), message.get(), sequence_, 0, "list routes"));
  std::vector<RouteInfo> routes;
  TRY_STATUS(ReadAnswers(fd_.get(), sequence_, "list routes", [&](nlmsghdr* answer) {
    const auto* route = static_cast<const rtmsg*>(nlmsg_data(answer));
    if (route->rtm_table != RT_TABLE_MAIN || route->rtm_type != RTN_UNICAST) return;
    RouteInfo info;
    info.destination.length = route->rtm_dst_len;
    auto find = [&](int type) { return nlmsg_find_attr(answer, sizeof *route, type); };
    if (nlattr* to = find(RTA_DST))
      std::memcpy(info.destination.address.bytes.data(), nla_data(to), 4);
    if (nlattr* gateway = find(RTA_GATEWAY)) {
      info.via.emplace();
      std::memcpy(info.via->bytes.data(), nla_data(gateway), 4);
    }
    if (nlattr* link = find(RTA_OIF)) info.link = static_cast<int>(nla_get_u32(link));
    routes.push_back(info);
  }));
  return routes;
}

}  // namespace wherry::linux
