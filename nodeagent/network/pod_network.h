#pragma once

#include "lib/base/result.h"
#include "lib/linux/netlink.h"
#include "nodeagent/network/address_pool.h"
#include "nodeagent/network/host_ports.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace wherry::nodeagent::network {

// One pod's place in the node's network.
struct PodAttachment {
  int bridge_index = 0;
  std::string host_interface;  // "veth" and eleven hex digits
  linux::Ipv4Prefix address;   // a /32: the pod shares a link with nobody but the gateway
  linux::Ipv4 gateway;
  std::array<uint8_t, 6> mac{};
  int mtu = 1500;
};

// The node's side of pod networking: a bridge with the first address of the pod CIDR, forwarding
// on, and an address per pod. The interfaces themselves are made by the pod's supervisor and go
// with its network namespace. Blocking; any thread.
//
// The bridge only spares a route per pod: its ports are isolated and pods send everything to the
// gateway, so that all traffic between pods is routed. Service addresses therefore work without
// br_netfilter, and no pod can answer for another's address.
class PodNetwork {
 public:
  struct Options {
    std::string directory;  // for the addresses taken
    linux::Ipv4Prefix pod_cidr;
    std::string bridge = "wherry0";
    int mtu = 1500;  // of the bridge and of pods
  };
  // Makes the bridge, or takes over the one that is there. Acts on the caller's network namespace.
  static Result<std::unique_ptr<PodNetwork>> Open(const Options& options);

  // `ports` of the node lead to the pod from now on.
  Result<PodAttachment> Attach(const std::string& uid, std::vector<PortMapping> ports = {});
  // Takes the pod's interface away if it is still there, then frees the address. Nothing is fine.
  Status Detach(const std::string& uid);
  // For a start: whose ports lead where, and nothing else.
  // Pods that have given their address back are passed over.
  Status RestoreHostPorts(HostPortTable table);
  // To be called now and then: puts the rules back that others took away.
  Status LookAfterHostPorts() { return host_ports_.LookAfter(); }
  Result<std::vector<std::string>> Owners() const { return pool_.Owners(); }

 private:
  PodNetwork(AddressPool pool, std::string bridge, std::string host_ports_mark, int bridge_index,
             int mtu)
      : pool_(std::move(pool)),
        host_ports_(std::move(bridge), std::move(host_ports_mark)),
        bridge_index_(bridge_index),
        mtu_(mtu) {}

  AddressPool pool_;
  HostPorts host_ports_;
  int bridge_index_;
  int mtu_;
};

// What fits through the link that has the node's address, for pods whose packets leave by it.
// Errors: kNotFound when no link has it.
Result<int> MtuOfLinkWith(const std::string& node_ip);

}  // namespace wherry::nodeagent::network
