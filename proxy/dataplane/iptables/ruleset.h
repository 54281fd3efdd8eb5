#pragma once

#include "lib/linux/iptables_save.h"
#include "proxy/services/table.h"

#include <map>
#include <string>
#include <vector>

namespace wherry::proxy::dataplane {

// The rules of one iptables table by chain, each rule without its "-A CHAIN " in front. Pure.
using Chains = std::map<std::string, std::vector<std::string>>;

struct Ruleset {
  Chains nat;
  Chains filter;
  bool operator==(const Ruleset&) const = default;
};

struct RulesetOptions {
  std::string pod_cidr;  // the whole cluster's; traffic from it to elsewhere is masqueraded; ""
                         // switches that off
  // No `recent` match in the kernel: affinity is left out.
  bool has_recent_match = true;
  // Node ports answer on 127.0.0.1 too: packets with loopback addresses may leave by other links
  // then (route_localnet), and the rules keep out those that others send (CVE-2020-8558).
  bool localhost_node_ports = true;
  // This proxy switched route_localnet on: kRouteLocalnetMark remembers that across restarts.
  bool switched_route_localnet_on = false;
};

// An empty chain of the filter table. Where it is, route_localnet was off before us.
inline constexpr const char* kRouteLocalnetMark = "KUBE-LOCALNET-WAS-OFF";

// The chains have the names that upstream's kube-proxy uses (KUBE-SERVICES, KUBE-SVC-...,
// KUBE-SEP-...), so that the usual guides to debugging Services apply. Source: pkg/proxy/iptables.
Ruleset BuildRuleset(const services::Table& table, const RulesetOptions& options);

// Rules of the built-in chains that lead into ours.
using Jump = linux::IptablesJump;
std::vector<Jump> Jumps();

// iptables-restore --noflush input that turns `before` into `after`: only chains that differ are
// named. Empty when nothing differs.
std::string RestoreInput(const Ruleset& before, const Ruleset& after);

}  // namespace wherry::proxy::dataplane
