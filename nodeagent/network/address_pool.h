#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"
#include "lib/linux/netlink.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace wherry::nodeagent::network {

// Hands out the addresses of a node's pod CIDR, one per pod.
//
// A file per address that is taken, with two names, the address and "pod-<uid>", is the whole
// state: it survives every restart and needs no lock (O_EXCL decides). The first address of the
// range is the bridge's; network and broadcast address are left out. Blocking; any thread.
class AddressPool {
 public:
  // `directory` is made when missing.
  static Result<AddressPool> Open(const std::string& directory, const linux::Ipv4Prefix& range);

  linux::Ipv4 gateway() const;
  const linux::Ipv4Prefix& range() const { return range_; }

  // The pod's address, the one it already has included. Addresses are reused as late as possible.
  // Errors: kTooManyRequests when all are taken.
  Result<linux::Ipv4> Allocate(const std::string& uid);
  // What the pod has, if anything.
  Result<std::optional<linux::Ipv4>> Find(const std::string& uid) const;
  // Frees what the pod has; nothing is fine.
  Status Release(const std::string& uid);
  // Who holds addresses.
  Result<std::vector<std::string>> Owners() const;

 private:
  AddressPool(linux::Fd directory, linux::Ipv4Prefix range)
      : directory_(std::move(directory)), range_(range) {}

  struct Entry {
    std::string address;
    std::string uid;
  };
  static Entry ParseEntry(const std::string& text);
  static std::string PodFile(const std::string& uid);
  Status ForEachEntry(const std::function<Status(const Entry&)>& visit) const;
  Status Free(const std::string& address);

  linux::Fd directory_;
  linux::Ipv4Prefix range_;
};

}  // namespace wherry::nodeagent::network
