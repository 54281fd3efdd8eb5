#pragma once

#include "lib/base/result.h"
#include "nodeagent/network/host_port_rules.h"

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

namespace wherry::nodeagent::network {

// Keeps the kernel's packet filter equal to the host ports of this node's pods. Nothing is there
// while no pod has any. Acts on the network namespace of the caller, who needs CAP_NET_ADMIN.
// Blocking; any thread.
class HostPorts {
 public:
  // The file `mark` exists while rules do, so that a start without any has nothing to look for.
  HostPorts(std::string bridge, std::string mark)
      : bridge_(std::move(bridge)), mark_(std::move(mark)) {}

  // All that is known after a start: rules of pods that are gone meanwhile go. After an error
  // LookAfter tries again.
  Status Restore(HostPortTable table);
  // Errors leave the pod without host ports, and the others as they were.
  Status Add(const std::string& uid, PodPorts pod);
  // Nothing is fine.
  Status Remove(const std::string& uid);
  // Puts back what others took away. Cheap while nobody changes anything.
  Status LookAfter();

  // Takes every rule of an earlier HostPorts away, whichever programs loaded them.
  static Status RemoveAll();

 private:
  Status Apply(HostPortTable table);
  Result<uint64_t> KernelState() const;
  Status SetRouteLocalnet(const char* value) const;

  const std::string bridge_;
  const std::string mark_;
  std::mutex mutex_;  // of all below, and of the kernel's rules
  HostPortTable table_;
  std::string programs_;  // "iptables-nft" or "iptables-legacy" once chosen
  // Of the kernel when it was last known to hold table_; nothing while it never was.
  std::optional<uint64_t> state_;
  bool restore_failed_ = false;  // rules that table_ does not have may be there
};

}  // namespace wherry::nodeagent::network
