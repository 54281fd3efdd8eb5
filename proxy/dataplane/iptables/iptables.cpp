#include "proxy/dataplane/iptables/iptables.h"

#include "lib/linux/conntrack.h"
#include "lib/linux/local_addresses.h"
#include "lib/loop/blocking.h"
#include "lib/telemetry/log.h"
#include "proxy/dataplane/iptables/command.h"
#include "proxy/dataplane/iptables/stale_flows.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <sstream>

namespace wherry::proxy::dataplane {
namespace {

constexpr telemetry::Logger kLog("kube-proxy");

// What `iptables-save` says about us: the chains that are there, and the jumps that lead into them.
struct Present {
  Ruleset ruleset;  // names only: the rules count as unknown and are written anew
  std::vector<Jump> jumps;
};

// One rule that equals none of ours.
const std::vector<std::string> kUnknown = {"?"};

void ParseSave(const std::string& save, Present& present) {
  std::istringstream lines(save);
  std::string line;
  std::string table;
  while (std::getline(lines, line)) {
    if (line.starts_with("*")) table = line.substr(1);
    if (table != "nat" && table != "filter") continue;
    if (line.starts_with(":KUBE-")) {
      const std::string chain = line.substr(1, line.find(' ') - 1);
      (table == "nat" ? present.ruleset.nat : present.ruleset.filter)[chain] = kUnknown;
    }
    const size_t target = line.find(" -j KUBE-");
    if (line.starts_with("-A ") && !line.starts_with("-A KUBE-") && target != std::string::npos) {
      const std::string chain = line.substr(3, line.find(' ', 3) - 3);
      present.jumps.push_back(
          {.table = table, .chain = chain, .rule = line.substr(4 + chain.size())});
    }
  }
}

std::string TargetOf(const Jump& jump) { return jump.rule.substr(jump.rule.find("-j ")); }

// Inserts the jumps that are missing at the head of their chains, in order.
std::string JumpInput(const std::vector<Jump>& present) {
  std::map<std::string, std::string> by_table;
  const std::vector<Jump> wanted = Jumps();
  for (auto jump = wanted.rbegin(); jump != wanted.rend(); ++jump) {
    const bool there = std::any_of(present.begin(), present.end(), [&](const Jump& other) {
      return other.table == jump->table && other.chain == jump->chain &&
             TargetOf(other) == TargetOf(*jump);
    });
    if (!there) by_table[jump->table] += "-I " + jump->chain + " " + jump->rule + "\n";
  }
  std::string input;
  for (const auto& [table, rules] : by_table) input += "*" + table + "\n" + rules + "COMMIT\n";
  return input;
}

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
    if (!learned_) {
      CO_TRY_STATUS(co_await Learn());
    }
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
    UdpRules udp = UdpRulesOf(table);
    co_return co_await LetFlowsFollow(std::move(udp));
  }

  Task<Status> Cleanup() override {
    CO_TRY_STATUS(co_await ChooseVariant());
    CO_TRY(Present present, co_await Save());
    std::map<std::string, std::string> by_table;
    for (const Jump& jump : present.jumps)
      by_table[jump.table] += "-D " + jump.chain + " " + jump.rule + "\n";
    std::string input;
    for (const auto& [table, rules] : by_table) input += "*" + table + "\n" + rules + "COMMIT\n";
    input += RestoreInput(present.ruleset, {});
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
    ruleset_ = std::move(present.ruleset);
    learned_ = true;
    co_return Ok();
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
    const bool legacy_in_use = legacy.ok() && legacy->find(":KUBE-SERVICES") != std::string::npos;
    if (!nft.ok() && !legacy.ok()) co_return std::move(nft).error();
    prefix_ = nft.ok() && !legacy_in_use ? "iptables-nft" : "iptables-legacy";
    kLog.Info("iptables variant chosen", {{"programs", prefix_}});
    co_return Ok();
  }

  Task<Result<Present>> Save() {
    Present present;
    std::vector<std::string> arguments = {prefix_ + "-save"};
    CO_TRY(std::string save, co_await RunCommand(world_.loop, arguments, ""));
    ParseSave(save, present);
    co_return present;
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
  std::string jumps_;  // restore input that is still to be loaded after the first ruleset
  std::optional<UdpRules> flows_follow_;  // no flow in the kernel goes elsewhere than these say
};

}  // namespace

std::unique_ptr<Dataplane> MakeIptables(World& world, IptablesOptions options) {
  return std::make_unique<Iptables>(world, std::move(options));
}

}  // namespace wherry::proxy::dataplane
