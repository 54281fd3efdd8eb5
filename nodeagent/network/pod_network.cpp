#include "nodeagent/network/pod_network.h"

#include "lib/linux/file.h"

#include <cerrno>

namespace wherry::nodeagent::network {
namespace {

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

Status EnableForwarding() {
  const char* const settings[] = {"/proc/sys/net/ipv4/ip_forward"};
  for (const char* path : settings) {
    auto now = linux::ReadFile(AT_FDCWD, path);
    if (now.ok() && now->starts_with("1")) continue;
    TRY_STATUS(linux::WriteValue(AT_FDCWD, path, "1"));
  }
  return Ok();
}

}  // namespace

Result<std::unique_ptr<PodNetwork>> PodNetwork::Open(const Options& options) {
  TRY(AddressPool pool, AddressPool::Open(options.directory, options.pod_cidr));
  TRY(linux::RouteSocket socket, linux::RouteSocket::Open());
  auto made = socket.AddBridge(options.bridge, options.mtu);
  if (!made.ok() && made.error().os_errno != EEXIST) return std::move(made).error();
  TRY(linux::LinkInfo bridge, socket.Link(options.bridge));
  if (!bridge.up) TRY_STATUS(socket.SetUp(bridge.index));
  linux::Ipv4Prefix address{.address = pool.gateway(), .length = pool.range().length};
  TRY_STATUS(socket.AddAddress(bridge.index, address));
  TRY_STATUS(EnableForwarding());
  return std::unique_ptr<PodNetwork>(new PodNetwork(std::move(pool), bridge.index, options.mtu));
}

Result<PodAttachment> PodNetwork::Attach(const std::string& uid) {
  TRY(linux::Ipv4 ip, pool_.Allocate(uid));
  PodAttachment attachment{.bridge_index = bridge_index_,
                           .host_interface = HostInterfaceOf(uid, ip),
                           .address = {.address = ip, .length = pool_.range().length},
                           .gateway = pool_.gateway(),
                           .mtu = mtu_};
  // Made from the address, so that a neighbour table never holds a stale pair: a locally
  // administered unicast address.
  attachment.mac = {0x0a, 0x58, ip.bytes[0], ip.bytes[1], ip.bytes[2], ip.bytes[3]};
  return attachment;
}

}  // namespace wherry::nodeagent::network
