#include "proxy/dataplane/iptables/iptables.h"

#include "lib/linux/conntrack.h"
#include "lib/linux/file.h"
#include "lib/linux/iptables_variant.h"
#include "lib/linux/local_addresses.h"
#include "lib/linux/packet_filter_state.h"
#include "lib/loop/blocking.h"
#include "lib/telemetry/log.h"
#include "proxy/dataplane/iptables/command.h"
#include "proxy/dataplane/iptables/present.h"
#include "proxy/dataplane/iptables/stale_flows.h"

#include <cerrno>
#include <map>
#include <optional>

namespace wherry::proxy::dataplane {
namespace {

constexpr telemetry::Logger kLog("kube-proxy");
// Shows the network namespace of whoever opens it.
constexpr const char* kRouteLocalnet = "/proc/sys/net/ipv4/conf/all/route_localnet";

// Deletes the flows that do not follow the rules `now`; gives how many there were. Blocking.
Result<size_t> DropStaleFlows(const UdpRules& before, const UdpRules& now) {
  TRY(linux::ConntrackSocket conntrack, linux::ConntrackSocket::Open());
  TRY(const std::vector<linux::UdpFlow> flows, conntrack.UdpFlows());
  TRY(const std::vector<linux::Ipv4> addresses, linux::LocalAddresses());
  const std::vector<linux::UdpFlow> stale = StaleFlows(flows, before, now, addresses);
  for (const linux::UdpFlow& flow : stale) TRY_STATUS(conntrack.Delete(flow));
  return stale.size();
}

class Iptables : public Dataplane {
 public:
  Iptables(World& world, IptablesOptions options) : world_(world), options_(std::move(options)) {}

  std::string_view name() const override { return "iptables"; }

  Task<Status> Apply(services::Table table) override {
    // Also before each change: what others did would count as done by us afterwards.
    CO_TRY(const bool intact, co_await Intact());
    if (!intact) {
      CO_TRY_STATUS(co_await Learn());
    }
    CO_TRY_STATUS(LookAtRouteLocalnet());
    Ruleset wanted = BuildRuleset(table, options_.ruleset);
    const std::string input = RestoreInput(ruleset_, wanted);
    if (!input.empty()) {
      auto restored = co_await Restore(input);
      if (!restored.ok()) {
        learned_ = false;
        co_return std::move(restored).error();
      }
      ruleset_ = std::move(wanted);
    }
    if (!jumps_.empty()) {
      auto restored = co_await Restore(jumps_);
      if (!restored.ok()) {
        learned_ = false;
        co_return std::move(restored).error();
      }
      jumps_.clear();
    }
    if (options_.ruleset.localhost_node_ports) SwitchRouteLocalnetOn();  // its firewall is there
    if (!input.empty() || !intact) {
      CO_TRY(state_, KernelState());
    }
    UdpRules udp = UdpRulesOf(table);
    co_return co_await LetFlowsFollow(std::move(udp));
  }

  Task<Result<bool>> Intact() override {
    if (!learned_) co_return false;
    CO_TRY(const uint64_t state, KernelState());
    if (state == state_) co_return true;
    CO_TRY(const Present present, co_await Save());
    learned_ = Holds(present, ruleset_);
    state_ = state;
    co_return learned_;
  }

  Task<Status> Cleanup() override {
    CO_TRY_STATUS(co_await ChooseVariant());
    CO_TRY(Present present, co_await Save());
    std::map<std::string, std::string> by_table;
    for (const Jump& jump : present.jumps)
      by_table[jump.table] += "-D " + jump.chain + " " + jump.rule + "\n";
    std::string input;
    for (const auto& [table, rules] : by_table) input += "*" + table + "\n" + rules + "COMMIT\n";
    input += RestoreInput(AsUnknown(present), {});
    if (present.filter.contains(kRouteLocalnetMark)) {
      CO_TRY_STATUS(linux::WriteValue(AT_FDCWD, kRouteLocalnet, "0"));
    }
    options_.ruleset.switched_route_localnet_on = false;
    learned_ = false;
    if (!input.empty()) {
      CO_TRY_STATUS(co_await Restore(input));
    }
    UdpRules none;
    co_return co_await LetFlowsFollow(std::move(none));
  }

 private:
  Task<Status> Learn() {
    CO_TRY_STATUS(co_await ChooseVariant());
    CO_TRY(Present present, co_await Save());
    jumps_ = JumpInput(present.jumps);
    ruleset_ = AsUnknown(present);
    if (present.filter.contains(kRouteLocalnetMark)) {
      options_.ruleset.switched_route_localnet_on = true;
    }
    learned_ = true;
    co_return Ok();
  }

  // It was off before us if it is off now, or if an earlier process says so (Learn).
  Status LookAtRouteLocalnet() {
    bool& by_us = options_.ruleset.switched_route_localnet_on;
    if (!options_.ruleset.localhost_node_ports) {
      if (by_us) TRY_STATUS(linux::WriteValue(AT_FDCWD, kRouteLocalnet, "0"));
      by_us = false;
    } else if (!by_us) {
      TRY(const std::string now, linux::ReadFile(AT_FDCWD, kRouteLocalnet));
      by_us = now == "0\n";
    }
    return Ok();
  }

  void SwitchRouteLocalnetOn() {
    auto now = linux::ReadFile(AT_FDCWD, kRouteLocalnet);
    if (now.ok() && *now == "1\n") return;
    Status written = linux::WriteValue(AT_FDCWD, kRouteLocalnet, "1");
    if (!written.ok()) {
      kLog.Warn("node ports do not answer on 127.0.0.1", {{"error", written.error().message}});
    }
  }

  // Datagrams meet the rules with the first of their flow only: flows that would go elsewhere now
  // are made to begin again.
  Task<Status> LetFlowsFollow(UdpRules now) {
    if (flows_follow_ == now) co_return Ok();
    const UdpRules before = flows_follow_.value_or(UdpRules{});
    auto drop = [before, now] { return DropStaleFlows(before, now); };
    auto dropped = co_await world_.blocking.Run(world_.loop, std::move(drop));
    if (!dropped.ok()) {
      const int error = dropped.error().os_errno;
      if (error != EPROTONOSUPPORT && error != EINVAL) co_return std::move(dropped).error();
      kLog.Warn("the kernel has no ctnetlink, UDP clients may keep an old backend",
                {{"error", dropped.error().message}});
    } else if (*dropped > 0) {
      kLog.Info("UDP flows begin again", {{"flows", *dropped}});
    }
    flows_follow_ = std::move(now);
    co_return Ok();
  }

  Task<Status> ChooseVariant() {
    if (!prefix_.empty()) co_return Ok();
    using Variant = IptablesOptions::Variant;
    if (options_.variant == Variant::kNft) prefix_ = "iptables-nft";
    if (options_.variant == Variant::kLegacy) prefix_ = "iptables-legacy";
    if (!prefix_.empty()) co_return Ok();
    std::vector<std::string> arguments = {"iptables-legacy-save", "-t", "nat"};
    auto legacy = co_await RunCommand(world_.loop, arguments, "");
    arguments = {"iptables-nft-save", "-t", "nat"};
    auto nft = co_await RunCommand(world_.loop, arguments, "");
    CO_TRY(prefix_, linux::ChooseIptables(legacy, nft));
    kLog.Info("iptables variant chosen", {{"programs", prefix_}});
    co_return Ok();
  }

  Task<Result<Present>> Save() {
    std::vector<std::string> arguments = {prefix_ + "-save"};
    CO_TRY(std::string save, co_await RunCommand(world_.loop, arguments, ""));
    co_return ParseSave(save);
  }

  // Differs when somebody changed rules since.
  Result<uint64_t> KernelState() const {
    if (prefix_ == "iptables-nft") return linux::NftablesGeneration();
    TRY(const uint64_t nat, linux::LegacyTableState("nat"));
    TRY(const uint64_t filter, linux::LegacyTableState("filter"));
    return nat ^ (filter << 1);
  }

  Task<Status> Restore(std::string input) {
    // -w: wait for others who hold the xtables lock, at most 5 s.
    std::vector<std::string> arguments = {prefix_ + "-restore", "--noflush", "-w", "5"};
    CO_TRY(std::string output, co_await RunCommand(world_.loop, arguments, std::move(input)));
    co_return Ok();
  }

  World& world_;
  IptablesOptions options_;
  std::string prefix_;    // "iptables-nft" or "iptables-legacy" once chosen
  bool learned_ = false;  // ruleset_ is what the kernel holds
  Ruleset ruleset_;
  uint64_t state_ = 0;  // KernelState when it was last known to hold ruleset_
  std::string jumps_;   // restore input that is still to be loaded after the first ruleset
  std::optional<UdpRules> flows_follow_;  // no flow in the kernel goes elsewhere than these say
};

}  // namespace

std::unique_ptr<Dataplane> MakeIptables(World& world, IptablesOptions options) {
  return std::make_unique<Iptables>(world, std::move(options));
}

}  // namespace wherry::proxy::dataplane
