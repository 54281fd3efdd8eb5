#pragma once

#include "lib/linux/conntrack.h"
#include "lib/linux/netlink.h"
#include "nodeagent/network/port_mapping.h"

#include <map>
#include <string>
#include <vector>

namespace wherry::nodeagent::network {

// The pods that have host ports, by uid.
struct PodPorts {
  linux::Ipv4 ip;
  std::vector<PortMapping> ports;
};
using HostPortTable = std::map<std::string, PodPorts>;

// Rules of one kind of chain, each without its "-A CHAIN " in front.
struct HostPortRules {
  std::vector<std::string> translate;   // nat WHERRY-HOSTPORTS
  std::vector<std::string> masquerade;  // nat WHERRY-HOSTPORTS-SNAT
  std::vector<std::string> firewall;    // filter WHERRY-HOSTPORTS
};
// The destination becomes the pod's. Clients keep their addresses but those that no answer would
// find: the pod itself, and the node's loopback address. As the latter may leave by the bridge then
// (route_localnet), the firewall keeps pods away from what listens on it (CVE-2020-8558). Pure.
HostPortRules BuildHostPortRules(const HostPortTable& table, const std::string& bridge);

// iptables-restore --noflush input that makes our chains hold exactly these rules and puts the
// missing jumps in; `save` is what iptables-save says now. Jumps come last in their chains, so that
// Services win. Pure.
std::string LoadInput(const HostPortRules& rules, const std::string& save);
// The same for taking everything away; "" when nothing is there.
std::string UnloadInput(const std::string& save);
// The jumps and as many rules as these are there.
bool IsLoaded(const HostPortRules& rules, const std::string& save);

// UDP flows to host ports that go on elsewhere than the table says, to a pod that is gone or to
// none because they are older than the pod. `before` names the ports that may have had flows. Pure.
std::vector<linux::UdpFlow> StaleHostPortFlows(const std::vector<linux::UdpFlow>& flows,
                                               const HostPortTable& before,
                                               const HostPortTable& now,
                                               const std::vector<linux::Ipv4>& node_addresses);

}  // namespace wherry::nodeagent::network
