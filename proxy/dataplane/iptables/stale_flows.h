#pragma once

#include "lib/linux/conntrack.h"
#include "proxy/services/table.h"

#include <map>
#include <vector>

namespace wherry::proxy::dataplane {

// The rules of a table that take datagrams, by frontend.
using UdpRules = std::map<services::Frontend, services::Rule>;
UdpRules UdpRulesOf(const services::Table& table);

// Flows that the kernel still sends elsewhere than the rules would: translated to a backend that is
// none any more, or not translated because the service had no backends when the flow began.
// Datagrams of a flow meet the rules once only, so a client that keeps its port would never reach
// the service again (k8s#125467). `before` names the frontends that may have had flows;
// `node_addresses` are where node ports answer. Pure.
std::vector<linux::UdpFlow> StaleFlows(const std::vector<linux::UdpFlow>& flows,
                                       const UdpRules& before, const UdpRules& now,
                                       const std::vector<linux::Ipv4>& node_addresses);

}  // namespace wherry::proxy::dataplane
