#pragma once

#include "lib/base/result.h"
#include "lib/linux/netlink_message.h"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Links, addresses and routes. Blocking, each call one exchange with the kernel. Source:
// rtnetlink(7), include/uapi/linux/if_link.h.
namespace wherry::linux {

struct Ipv4 {
  std::array<uint8_t, 4> bytes{};
  std::string ToString() const;
  bool operator==(const Ipv4&) const = default;
};
// Errors: kInvalid.
Result<Ipv4> ParseIpv4(std::string_view text);

struct Ipv4Prefix {
  Ipv4 address;
  int length = 32;
  std::string ToString() const;  // "10.244.1.0/24"
  bool Contains(Ipv4 ip) const;
  // The prefix with the host bits zero.
  Ipv4Prefix Network() const;
  bool operator==(const Ipv4Prefix&) const = default;
};
Result<Ipv4Prefix> ParseIpv4Prefix(std::string_view text);

struct VethOptions {
  std::string name;            // of the end in this socket's network namespace; brought up
  int master = 0;              // index of the bridge that takes it; 0: none
  std::string peer_name;       // of the other end, which stays down
  int peer_pid = 0;            // the other end is born in this process' network namespace
  int mtu = 1500;              // of both
  std::array<uint8_t, 6> mac;  // of the peer
};

struct LinkInfo {
  int index = 0;
  int mtu = 0;
  bool up = false;
  std::array<uint8_t, 6> mac{};
};

struct RouteInfo {
  Ipv4Prefix destination;
  std::optional<Ipv4> via;
  int link = 0;
};

// A NETLINK_ROUTE socket. It keeps acting on the network namespace it was opened in.
class RouteSocket {
 public:
  static Result<RouteSocket> Open();

  // Errors: kNotFound.
  Result<LinkInfo> Link(const std::string& name);
  // The link that has this address. Errors: kNotFound.
  Result<LinkInfo> LinkWith(Ipv4 address);
  // Errors of all changes: kAlreadyExists, kNotFound, kInternalError with the kernel's errno.
  // The bridge stays down. Without an address of its own (all zero) it takes that of one of its
  // ports, which changes when ports come and go.
  Status AddBridge(const std::string& name, int mtu, const std::array<uint8_t, 6>& mac = {});
  Status AddVeth(const VethOptions& options);
  Status DeleteLink(const std::string& name);
  Status SetUp(int index);
  Status SetMtu(int index, int mtu);
  Status SetMac(int index, const std::array<uint8_t, 6>& mac);
  // Frames from this port of a bridge reach the bridge itself but no other isolated port.
  Status IsolatePort(int port_index);
  // Present already is fine.
  Status AddAddress(int index, const Ipv4Prefix& address);
  // Gone already is fine.
  Status DeleteAddress(int index, const Ipv4Prefix& address);
  // Makes or replaces the route to `destination` (length 0 is the default route).
  Status ReplaceRoute(const Ipv4Prefix& destination, std::optional<Ipv4> via, int index);
  // Gone already is fine.
  Status DeleteRoute(const Ipv4Prefix& destination);
  // The IPv4 routes of the main table.
  Result<std::vector<RouteInfo>> Routes();

 private:
  explicit RouteSocket(NetlinkSocket socket) : socket_(std::move(socket)) {}
  Status Exchange(
      const NetlinkMessage& message, const std::string& what,
      const std::function<void(nlmsghdr*)>& each = [](nlmsghdr*) {});
  // Sends a request for one link.
  Result<LinkInfo> ReadLink(const NetlinkMessage& message, const std::string& what);

  NetlinkSocket socket_;
};

}  // namespace wherry::linux
