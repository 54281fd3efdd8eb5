#include "nodeagent/network/host_ports.h"

#include "lib/linux/command.h"
#include "lib/linux/conntrack.h"
#include "lib/linux/file.h"
#include "lib/linux/iptables_variant.h"
#include "lib/linux/local_addresses.h"
#include "lib/linux/packet_filter_state.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

namespace wherry::nodeagent::network {
namespace {

Result<std::string> Save(const std::string& programs) {
  return linux::RunCommand({programs + "-save"}, "");
}

Status Load(const std::string& programs, const std::string& input) {
  // -w: wait for others who hold the xtables lock, at most 5 s.
  TRY(std::string output,
      linux::RunCommand({programs + "-restore", "--noflush", "-w", "5"}, input));
  return Ok();
}

bool HasUdp(const HostPortTable& table) {
  return std::ranges::any_of(table, [](const auto& entry) {
    return std::ranges::any_of(entry.second.ports,
                               [](const PortMapping& port) { return port.protocol == "udp"; });
  });
}

// Datagrams meet the rules with the first of their flow only.
Status DropStaleFlows(const HostPortTable& before, const HostPortTable& now) {
  if (!HasUdp(before) && !HasUdp(now)) return Ok();
  TRY(linux::ConntrackSocket conntrack, linux::ConntrackSocket::Open());
  auto flows = conntrack.UdpFlows();
  if (!flows.ok()) {
    const int error = flows.error().os_errno;
    if (error == EPROTONOSUPPORT || error == EINVAL) return Ok();  // a kernel without ctnetlink
    return std::move(flows).error();
  }
  TRY(const std::vector<linux::Ipv4> addresses, linux::LocalAddresses());
  for (const linux::UdpFlow& flow : StaleHostPortFlows(*flows, before, now, addresses)) {
    TRY_STATUS(conntrack.Delete(flow));
  }
  return Ok();
}

}  // namespace

Status HostPorts::Restore(HostPortTable table) {
  const std::lock_guard lock(mutex_);
  if (table.empty() && ::access(mark_.c_str(), F_OK) != 0) return Ok();
  Status applied = Apply(table);
  if (!applied.ok()) {
    table_ = std::move(table);
    state_.reset();
    restore_failed_ = true;
  }
  return applied;
}

Status HostPorts::Add(const std::string& uid, PodPorts pod) {
  const std::lock_guard lock(mutex_);
  HostPortTable table = table_;
  table[uid] = std::move(pod);
  return Apply(std::move(table));
}

Status HostPorts::Remove(const std::string& uid) {
  const std::lock_guard lock(mutex_);
  if (!table_.contains(uid)) return Ok();
  HostPortTable table = table_;
  table.erase(uid);
  return Apply(std::move(table));
}

Status HostPorts::LookAfter() {
  const std::lock_guard lock(mutex_);
  if (table_.empty() && !restore_failed_) return Ok();
  if (!state_) return Apply(table_);
  TRY(const uint64_t state, KernelState());
  if (state == state_) return Ok();
  TRY(const std::string save, Save(programs_));
  if (!IsLoaded(BuildHostPortRules(table_, bridge_), save)) return Apply(table_);
  state_ = state;
  return Ok();
}

Status HostPorts::RemoveAll() {
  for (const char* programs : {"iptables-nft", "iptables-legacy"}) {
    auto save = Save(programs);
    if (!save.ok()) continue;  // not installed, or not in the kernel
    const std::string input = UnloadInput(*save);
    if (!input.empty()) TRY_STATUS(Load(programs, input));
  }
  return Ok();
}

Status HostPorts::Apply(HostPortTable table) {
  if (programs_.empty()) {
    TRY(programs_, linux::ChooseIptables());
  }
  TRY(const std::string save, Save(programs_));
  // The firewall goes last and comes first.
  if (table.empty()) {
    TRY_STATUS(SetRouteLocalnet("0"));
    const std::string input = UnloadInput(save);
    if (!input.empty()) TRY_STATUS(Load(programs_, input));
    if (::unlink(mark_.c_str()) != 0 && errno != ENOENT)
      return ErrnoError(errno, "remove " + mark_);
  } else {
    TRY_STATUS(linux::ReplaceFile(AT_FDCWD, mark_, "", 0600, linux::Durability::kPageCache));
    TRY_STATUS(Load(programs_, LoadInput(BuildHostPortRules(table, bridge_), save)));
    TRY_STATUS(SetRouteLocalnet("1"));
  }
  restore_failed_ = false;
  const HostPortTable before = std::exchange(table_, std::move(table));
  TRY(state_, KernelState());
  return DropStaleFlows(before, table_);
}

Result<uint64_t> HostPorts::KernelState() const {
  if (programs_ == "iptables-nft") return linux::NftablesGeneration();
  TRY(const uint64_t nat, linux::LegacyTableState("nat"));
  TRY(const uint64_t filter, linux::LegacyTableState("filter"));
  return nat ^ (filter << 1);
}

// Of the bridge alone, which is ours.
Status HostPorts::SetRouteLocalnet(const char* value) const {
  return linux::WriteValue(AT_FDCWD, "/proc/sys/net/ipv4/conf/" + bridge_ + "/route_localnet",
                           value);
}

}  // namespace wherry::nodeagent::network
