#pragma once

#include "lib/base/result.h"
#include "lib/linux/netlink.h"
#include "nodeagent/network/address_pool.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace wherry::nodeagent::network {

// One pod's place in the node's network.
struct PodAttachment {
  int bridge_index = 0;
  std::string host_interface;  // "veth" and eleven hex digits
  linux::Ipv4Prefix address;
  linux::Ipv4 gateway;
  std::array<uint8_t, 6> mac{};
  int mtu = 1500;
};

// The node's side of pod networking: a bridge with the first address of the pod CIDR, forwarding
// on, and an address per pod. The interfaces themselves are made by the pod's supervisor and go
// with its network namespace. Blocking; any thread.
class PodNetwork {
 public:
  struct Options {
    std::string directory;  // for the addresses taken
    linux::Ipv4Prefix pod_cidr;
    std::string bridge = "wherry0";
    int mtu = 1500;
  };
  // Makes the bridge, or takes over the one that is there. Acts on the caller's network namespace.
  static Result<std::unique_ptr<PodNetwork>> Open(const Options& options);

  Result<PodAttachment> Attach(const std::string& uid);
  Status Detach(const std::string& uid) { return pool_.Release(uid); }
  Result<std::vector<std::string>> Owners() const { return pool_.Owners(); }

 private:
  PodNetwork(AddressPool pool, int bridge_index, int mtu)
      : pool_(std::move(pool)), bridge_index_(bridge_index), mtu_(mtu) {}

  AddressPool pool_;
  int bridge_index_;
  int mtu_;
};

}  // namespace wherry::nodeagent::network
