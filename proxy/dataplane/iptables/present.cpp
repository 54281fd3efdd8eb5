#include "proxy/dataplane/iptables/present.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace wherry::proxy::dataplane {
namespace {

bool HasRulesOf(const std::map<std::string, size_t>& present, const Chains& chains) {
  return std::equal(present.begin(), present.end(), chains.begin(), chains.end(),
                    [](const auto& there, const auto& wanted) {
                      return there.first == wanted.first && there.second == wanted.second.size();
                    });
}

}  // namespace

bool IsOurChain(std::string_view chain) {
  static constexpr std::array<std::string_view, 10> kFixed = {
      "KUBE-SERVICES",          "KUBE-NODEPORTS",  "KUBE-MARK-MASQ",      "KUBE-POSTROUTING",
      "KUBE-EXTERNAL-SERVICES", "KUBE-FORWARD",    "KUBE-PROXY-FIREWALL", "KUBE-PROXY-CANARY",
      "KUBE-LOCALNET",          kRouteLocalnetMark};
  static constexpr std::array<std::string_view, 5> kPerService = {
      "KUBE-SVC-", "KUBE-SVL-", "KUBE-EXT-", "KUBE-FW-", "KUBE-SEP-"};
  return std::find(kFixed.begin(), kFixed.end(), chain) != kFixed.end() ||
         std::any_of(kPerService.begin(), kPerService.end(),
                     [chain](std::string_view prefix) { return chain.starts_with(prefix); });
}

Present ParseSave(const std::string& save) {
  linux::IptablesSave ours = linux::ParseIptablesSave(save, IsOurChain);
  std::erase_if(ours.jumps,
                [](const Jump& jump) { return jump.table != "nat" && jump.table != "filter"; });
  return {.nat = std::move(ours.chains["nat"]),
          .filter = std::move(ours.chains["filter"]),
          .jumps = std::move(ours.jumps)};
}

Ruleset AsUnknown(const Present& present) {
  const std::vector<std::string> unknown = {"?"};
  Ruleset ruleset;
  for (const auto& [chain, rules] : present.nat) ruleset.nat[chain] = unknown;
  for (const auto& [chain, rules] : present.filter) ruleset.filter[chain] = unknown;
  return ruleset;
}

bool Holds(const Present& present, const Ruleset& ruleset) {
  return HasRulesOf(present.nat, ruleset.nat) && HasRulesOf(present.filter, ruleset.filter) &&
         JumpInput(present.jumps).empty();
}

std::string JumpInput(const std::vector<Jump>& present) {
  std::map<std::string, std::string> by_table;
  const std::vector<Jump> wanted = Jumps();
  for (auto jump = wanted.rbegin(); jump != wanted.rend(); ++jump) {
    if (linux::HasJump(present, *jump)) continue;
    by_table[jump->table] += "-I " + jump->chain + " " + jump->rule + "\n";
  }
  std::string input;
  for (const auto& [table, rules] : by_table) input += "*" + table + "\n" + rules + "COMMIT\n";
  return input;
}

}  // namespace wherry::proxy::dataplane
