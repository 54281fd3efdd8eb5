#pragma once

#include "proxy/dataplane/iptables/ruleset.h"

#include <map>
#include <string>
#include <vector>

namespace wherry::proxy::dataplane {

// What the kernel holds of ours, as `iptables-save` tells. Chains of others are left out, the
// kubelet's KUBE-FIREWALL among them. Pure.
struct Present {
  // How many rules each of our chains has, per table. The text of a rule comes back in another
  // spelling than it went in.
  std::map<std::string, size_t> nat;
  std::map<std::string, size_t> filter;
  // Rules of the built-in chains that lead into ours.
  std::vector<Jump> jumps;
};
Present ParseSave(const std::string& save);

// Every chain of `present` with rules that equal none: RestoreInput writes or removes them all.
Ruleset AsUnknown(const Present& present);

// Nobody has taken or added chains, rules or jumps.
bool Holds(const Present& present, const Ruleset& ruleset);

// iptables-restore --noflush input that inserts the jumps that are missing at the head of their
// chains, in order. Empty when none is.
std::string JumpInput(const std::vector<Jump>& present);

// The chains that the proxy makes and upstream's kubelet does not.
bool IsOurChain(std::string_view chain);

}  // namespace wherry::proxy::dataplane
