#include "nodeagent/network/pod_network.h"

#include "lib/linux/file.h"

#include <unistd.h>

#include <cerrno>

namespace wherry::nodeagent::network {
namespace {

constexpr int kLinkMtuMax = 65535;

// Interface names have at most 15 bytes. The address is part of it, so that a pod whose sandbox is
// made again does not meet the interface that the kernel is still taking down.
std::string HostInterfaceOf(const std::string& uid, const linux::Ipv4& ip) {
  constexpr char kHex[] = "0123456789abcdef";
  uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (char c : uid + ip.ToString()) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211u;
  std::string name = "veth";
  for (int i = 0; i < 11; ++i, hash >>= 4) name += kHex[hash & 15];
  return name;
}

Status SetSysctl(const std::string& name, const char* value) {
  std::string path = "/proc/sys/net/" + name;
  auto now = linux::ReadFile(AT_FDCWD, path);
  if (now.ok() && *now == std::string(value) + "\n") return Ok();
  return linux::WriteValue(AT_FDCWD, path, value);
}

// Before the bridge comes up.
Status SetSysctls(const std::string& bridge) {
  TRY_STATUS(SetSysctl("ipv4/ip_forward", "1"));
  // A packet from pod to pod leaves by the link it came in, which is no reason to tell the sender
  // of a shorter way. The kernel redirects when either of the two says so; other links have their
  // own setting still.
  TRY_STATUS(SetSysctl("ipv4/conf/all/send_redirects", "0"));
  TRY_STATUS(SetSysctl("ipv4/conf/" + bridge + "/send_redirects", "0"));
  // br_netfilter would translate a Service's address on the bridge already and pass the frame on to
  // the port of the pod it chose, which is isolated. Where it is, 1 is the default.
  if (::access("/proc/sys/net/bridge/bridge-nf-call-iptables", F_OK) == 0) {
    TRY_STATUS(SetSysctl("bridge/bridge-nf-call-iptables", "0"));
  }
  // A pod that sends router advertisements must not become the node's gateway (CVE-2020-10749).
  if (::access("/proc/sys/net/ipv6/conf", F_OK) != 0) return Ok();
  TRY_STATUS(SetSysctl("ipv6/conf/" + bridge + "/accept_ra", "0"));
  return SetSysctl("ipv6/conf/" + bridge + "/disable_ipv6", "1");
}

// Made from the address, so that a neighbour table never holds a stale pair: a locally administered
// unicast address.
std::array<uint8_t, 6> MacOf(const linux::Ipv4& ip) {
  return {0x0a, 0x58, ip.bytes[0], ip.bytes[1], ip.bytes[2], ip.bytes[3]};
}

}  // namespace

Result<int> MtuOfLinkWith(const std::string& node_ip) {
  TRY(linux::Ipv4 ip, linux::ParseIpv4(node_ip));
  TRY(linux::RouteSocket socket, linux::RouteSocket::Open());
  TRY(linux::LinkInfo link, socket.LinkWith(ip));
  // Loopback has one that no veth takes; nothing of it leaves the node.
  return link.mtu > kLinkMtuMax ? PodNetwork::Options{}.mtu : link.mtu;
}

Result<std::unique_ptr<PodNetwork>> PodNetwork::Open(const Options& options) {
  TRY(AddressPool pool, AddressPool::Open(options.directory, options.pod_cidr));
  TRY(linux::RouteSocket socket, linux::RouteSocket::Open());
  std::array<uint8_t, 6> mac = MacOf(pool.gateway());
  auto made = socket.AddBridge(options.bridge, options.mtu, mac);
  if (!made.ok() && made.error().os_errno != EEXIST) return std::move(made).error();
  TRY(linux::LinkInfo bridge, socket.Link(options.bridge));
  if (bridge.mac != mac) TRY_STATUS(socket.SetMac(bridge.index, mac));
  if (bridge.mtu != options.mtu) TRY_STATUS(socket.SetMtu(bridge.index, options.mtu));
  TRY_STATUS(SetSysctls(options.bridge));
  if (!bridge.up) TRY_STATUS(socket.SetUp(bridge.index));
  linux::Ipv4Prefix address{.address = pool.gateway(), .length = pool.range().length};
  TRY_STATUS(socket.AddAddress(bridge.index, address));
  return std::unique_ptr<PodNetwork>(new PodNetwork(std::move(pool), options.bridge,
                                                    options.directory + "/host-ports", bridge.index,
                                                    options.mtu));
}

Result<PodAttachment> PodNetwork::Attach(const std::string& uid, std::vector<PortMapping> ports) {
  TRY(linux::Ipv4 ip, pool_.Allocate(uid));
  PodAttachment attachment{.bridge_index = bridge_index_,
                           .host_interface = HostInterfaceOf(uid, ip),
                           .address = {.address = ip, .length = 32},
                           .gateway = pool_.gateway(),
                           .mac = MacOf(ip),
                           .mtu = mtu_};
  if (!ports.empty()) TRY_STATUS(host_ports_.Add(uid, {.ip = ip, .ports = std::move(ports)}));
  return attachment;
}

Status PodNetwork::RestoreHostPorts(HostPortTable table) {
  for (auto pod = table.begin(); pod != table.end();) {
    // An address that cannot be read is one pod's loss.
    const auto held = pool_.Find(pod->first);
    pod = held.ok() && *held == pod->second.ip ? std::next(pod) : table.erase(pod);
  }
  return host_ports_.Restore(std::move(table));
}

Status PodNetwork::Detach(const std::string& uid) {
  TRY(auto ip, pool_.Find(uid));
  TRY_STATUS(host_ports_.Remove(uid));
  if (ip) {
    TRY(linux::RouteSocket socket, linux::RouteSocket::Open());
    auto deleted = socket.DeleteLink(HostInterfaceOf(uid, *ip));
    if (!deleted.ok() && deleted.error().reason != Reason::kNotFound) return deleted;
  }
  return pool_.Release(uid);
}

}  // namespace wherry::nodeagent::network
