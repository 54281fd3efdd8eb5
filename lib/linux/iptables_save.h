#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::linux {

// A rule of somebody else's chain that leads into one of ours.
struct IptablesJump {
  std::string table;
  std::string chain;
  std::string rule;  // without its "-A CHAIN " in front
};

// What the kernel holds of some chains, as `iptables-save` tells.
struct IptablesSave {
  // By table, then chain: how many rules it has. Their text is of no use: it comes back in another
  // spelling than it went in.
  std::map<std::string, std::map<std::string, size_t>> chains;
  std::vector<IptablesJump> jumps;
};

// `ours` says which chains are meant; nothing is told of the others' rules. Lines that are none of
// iptables-save's are passed over. Pure.
IptablesSave ParseIptablesSave(std::string_view save,
                               const std::function<bool(std::string_view chain)>& ours);

// The chain or verdict behind "-j ", "" without one. What a comment says in quotes is none. Pure.
std::string_view TargetOf(std::string_view rule);

// Whether one of them leads from the jump's chain to its target, by whatever condition. Pure.
bool HasJump(const std::vector<IptablesJump>& jumps, const IptablesJump& jump);

}  // namespace wherry::linux
