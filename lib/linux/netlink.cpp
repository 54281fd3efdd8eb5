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

#include <cerrno>
#include <cstring>
#include <functional>

namespace wherry::linux {
namespace {

ifinfomsg LinkHeader(int index, bool up) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = index;
  if (up) header.ifi_flags = header.ifi_change = IFF_UP;
  return header;
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
  TRY(NetlinkSocket socket, NetlinkSocket::Open(NETLINK_ROUTE));
  return RouteSocket(std::move(socket));
}

Status RouteSocket::Exchange(const NetlinkMessage& message, const std::string& what,
                             const std::function<void(nlmsghdr*)>& each) {
  Status answered = socket_.Exchange(message.get(), what, each);
  if (answered.ok()) return answered;
  Error error = answered.error();
  if (error.os_errno == ENODEV || error.os_errno == ESRCH) error.reason = Reason::kNotFound;
  return error;
}

Result<LinkInfo> RouteSocket::Link(const std::string& name) {
  const NetlinkMessage message = NetlinkRequest(RTM_GETLINK, 0, LinkHeader(0, false));
  Put(message.get(), IFLA_IFNAME, name);
  return ReadLink(message, "find link '" + name + "'");
}

Result<LinkInfo> RouteSocket::LinkWith(Ipv4 address) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  const NetlinkMessage message = NetlinkRequest(RTM_GETADDR, NLM_F_DUMP, header);
  std::string what = "find the link with address " + address.ToString();
  int index = 0;
  TRY_STATUS(Exchange(message, what, [&](nlmsghdr* answer) {
    const auto* entry = static_cast<const ifaddrmsg*>(nlmsg_data(answer));
    nlattr* local = nlmsg_find_attr(answer, sizeof *entry, IFA_LOCAL);
    if (local == nullptr || nla_len(local) != 4) return;
    if (std::memcmp(nla_data(local), address.bytes.data(), 4) == 0) {
      index = static_cast<int>(entry->ifa_index);
    }
  }));
  if (index == 0) return MakeError(Reason::kNotFound, what + ": there is none");
  return ReadLink(NetlinkRequest(RTM_GETLINK, 0, LinkHeader(index, false)), what);
}

Result<LinkInfo> RouteSocket::ReadLink(const NetlinkMessage& message, const std::string& what) {
  LinkInfo info;
  TRY_STATUS(Exchange(message, what, [&](nlmsghdr* header) {
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
  const NetlinkMessage message =
      NetlinkRequest(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, LinkHeader(0, false));
  Put(message.get(), IFLA_IFNAME, name);
  Put(message.get(), IFLA_MTU, static_cast<uint32_t>(mtu));
  if (mac != std::array<uint8_t, 6>{}) Put(message.get(), IFLA_ADDRESS, mac.data(), mac.size());
  {
    const Nest info(message.get(), IFLA_LINKINFO);
    Put(message.get(), IFLA_INFO_KIND, std::string("bridge"));
  }
  return Exchange(message, "make bridge '" + name + "'");
}

Status RouteSocket::AddVeth(const VethOptions& options) {
  const NetlinkMessage message =
      NetlinkRequest(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, LinkHeader(0, true));
  nl_msg* raw = message.get();
  Put(raw, IFLA_IFNAME, options.name);
  Put(raw, IFLA_MTU, static_cast<uint32_t>(options.mtu));
  if (options.master != 0) Put(raw, IFLA_MASTER, static_cast<uint32_t>(options.master));
  {
    const Nest info(raw, IFLA_LINKINFO);
    Put(raw, IFLA_INFO_KIND, std::string("veth"));
    const Nest data(raw, IFLA_INFO_DATA);
    const Nest peer(raw, VETH_INFO_PEER);
    // The peer cannot be brought up here: veth_open wants the pair complete.
    ifinfomsg header = LinkHeader(0, false);
    Append(raw, &header, sizeof header);
    Put(raw, IFLA_IFNAME, options.peer_name);
    Put(raw, IFLA_MTU, static_cast<uint32_t>(options.mtu));
    Put(raw, IFLA_ADDRESS, options.mac.data(), options.mac.size());
    Put(raw, IFLA_NET_NS_PID, static_cast<uint32_t>(options.peer_pid));
  }
  return Exchange(message, "make veth '" + options.name + "'");
}

Status RouteSocket::DeleteLink(const std::string& name) {
  const NetlinkMessage message = NetlinkRequest(RTM_DELLINK, 0, LinkHeader(0, false));
  Put(message.get(), IFLA_IFNAME, name);
  return Exchange(message, "delete link '" + name + "'");
}

Status RouteSocket::SetUp(int index) {
  const NetlinkMessage message = NetlinkRequest(RTM_NEWLINK, 0, LinkHeader(index, true));
  return Exchange(message, "bring up link " + std::to_string(index));
}

Status RouteSocket::SetMtu(int index, int mtu) {
  const NetlinkMessage message = NetlinkRequest(RTM_NEWLINK, 0, LinkHeader(index, false));
  Put(message.get(), IFLA_MTU, static_cast<uint32_t>(mtu));
  return Exchange(message, "set the MTU of link " + std::to_string(index));
}

Status RouteSocket::SetMac(int index, const std::array<uint8_t, 6>& mac) {
  const NetlinkMessage message = NetlinkRequest(RTM_NEWLINK, 0, LinkHeader(index, false));
  Put(message.get(), IFLA_ADDRESS, mac.data(), mac.size());
  return Exchange(message, "set the MAC address of link " + std::to_string(index));
}

Status RouteSocket::IsolatePort(int port_index) {
  ifinfomsg header = LinkHeader(port_index, false);
  header.ifi_family = AF_BRIDGE;
  const NetlinkMessage message = NetlinkRequest(RTM_SETLINK, 0, header);
  {
    const Nest port(message.get(), IFLA_PROTINFO);
    Put(message.get(), IFLA_BRPORT_ISOLATED, uint8_t{1});
  }
  return Exchange(message, "isolate port " + std::to_string(port_index));
}

Status RouteSocket::AddAddress(int index, const Ipv4Prefix& address) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = static_cast<uint8_t>(address.length);
  header.ifa_index = static_cast<uint32_t>(index);
  const NetlinkMessage message = NetlinkRequest(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, header);
  Put(message.get(), IFA_LOCAL, address.address.bytes.data(), 4);
  Put(message.get(), IFA_ADDRESS, address.address.bytes.data(), 4);
  auto added = Exchange(message, "add address " + address.ToString());
  if (!added.ok() && added.error().os_errno == EEXIST) return Ok();
  return added;
}

Status RouteSocket::DeleteAddress(int index, const Ipv4Prefix& address) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = static_cast<uint8_t>(address.length);
  header.ifa_index = static_cast<uint32_t>(index);
  const NetlinkMessage message = NetlinkRequest(RTM_DELADDR, 0, header);
  Put(message.get(), IFA_LOCAL, address.address.bytes.data(), 4);
  auto deleted = Exchange(message, "delete address " + address.ToString());
  if (!deleted.ok() && deleted.error().os_errno == EADDRNOTAVAIL) return Ok();
  return deleted;
}

Status RouteSocket::ReplaceRoute(const Ipv4Prefix& destination, std::optional<Ipv4> via,
                                 int index) {
  rtmsg header = RouteHeader(destination);
  if (!via) header.rtm_scope = RT_SCOPE_LINK;
  const NetlinkMessage message = NetlinkRequest(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, header);
  if (destination.length > 0) {
    Put(message.get(), RTA_DST, destination.Network().address.bytes.data(), 4);
  }
  if (via) Put(message.get(), RTA_GATEWAY, via->bytes.data(), 4);
  if (index != 0) Put(message.get(), RTA_OIF, static_cast<uint32_t>(index));
  return Exchange(message, "add route to " + destination.ToString() +
                               (via ? " via " + via->ToString() : std::string()));
}

Status RouteSocket::DeleteRoute(const Ipv4Prefix& destination) {
  rtmsg header = RouteHeader(destination);
  header.rtm_scope = RT_SCOPE_NOWHERE;
  const NetlinkMessage message = NetlinkRequest(RTM_DELROUTE, 0, header);
  if (destination.length > 0) {
    Put(message.get(), RTA_DST, destination.Network().address.bytes.data(), 4);
  }
  auto deleted = Exchange(message, "delete route to " + destination.ToString());
  if (!deleted.ok() && deleted.error().os_errno == ESRCH) return Ok();
  return deleted;
}

Result<std::vector<RouteInfo>> RouteSocket::Routes() {
  rtmsg header{};
  header.rtm_family = AF_INET;
  const NetlinkMessage message = NetlinkRequest(RTM_GETROUTE, NLM_F_DUMP, header);
  std::vector<RouteInfo> routes;
  TRY_STATUS(Exchange(message, "list routes", [&](nlmsghdr* answer) {
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
