#include "proxy/dataplane/iptables/present.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>

namespace wherry::proxy::dataplane {
namespace {

std::string_view TargetOf(const Jump& jump) {
  const std::string_view rule = jump.rule;
  return rule.substr(rule.find("-j ") + 3);
}

bool IsThere(const std::vector<Jump>& present, const Jump& jump) {
  return std::any_of(present.begin(), present.end(), [&jump](const Jump& other) {
    return other.table == jump.table && other.chain == jump.chain &&
           TargetOf(other) == TargetOf(jump);
  });
}

bool HasRulesOf(const std::map<std::string, size_t>& present, const Chains& chains) {
  return std::equal(present.begin(), present.end(), chains.begin(), chains.end(),
                    [](const auto& there, const auto& wanted) {
                      return there.first == wanted.first && there.second == wanted.second.size();
                    });
}

// Up to the first space.
std::string_view Word(std::string_view text) { return text.substr(0, text.find(' ')); }

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
  Present present;
  std::istringstream lines(save);
  std::string line;
  std::string table;
  while (std::getline(lines, line)) {
    const std::string_view view = line;
    if (view.starts_with("*")) table = view.substr(1);
    if (table != "nat" && table != "filter") continue;
    auto& chains = table == "nat" ? present.nat : present.filter;
    if (view.starts_with(":")) {
      const std::string_view chain = Word(view.substr(1));
      if (IsOurChain(chain)) chains[std::string(chain)] = 0;
    }
    if (!view.starts_with("-A ")) continue;
    const std::string chain(Word(view.substr(3)));
    if (IsOurChain(chain)) {
      ++chains[chain];
      continue;
    }
    const size_t target = view.find(" -j ");
    if (target != std::string_view::npos && IsOurChain(Word(view.substr(target + 4)))) {
      present.jumps.push_back(
          {.table = table, .chain = chain, .rule = line.substr(4 + chain.size())});
    }
  }
  return present;
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
    if (IsThere(present, *jump)) continue;
    by_table[jump->table] += "-I " + jump->chain + " " + jump->rule + "\n";
  }
  std::string input;
  for (const auto& [table, rules] : by_table) input += "*" + table + "\n" + rules + "COMMIT\n";
  return input;
}

}  // namespace wherry::proxy::dataplane
