#include "nodeagent/network/host_port_rules.h"

#include "lib/linux/iptables_save.h"

#include <algorithm>
#include <string_view>

namespace wherry::nodeagent::network {
namespace {

constexpr const char* kTranslate = "WHERRY-HOSTPORTS";
constexpr const char* kMasquerade = "WHERRY-HOSTPORTS-SNAT";
constexpr const char* kFirewall = "WHERRY-HOSTPORTS";

// The chains of a pod's firewall come first in theirs: others accept what they do not know.
const std::vector<linux::IptablesJump>& Jumps() {
  static const std::vector<linux::IptablesJump> jumps = {
      {"nat", "PREROUTING", "-m addrtype --dst-type LOCAL -j WHERRY-HOSTPORTS"},
      {"nat", "OUTPUT", "-m addrtype --dst-type LOCAL -j WHERRY-HOSTPORTS"},
      {"nat", "POSTROUTING", "-j WHERRY-HOSTPORTS-SNAT"},
      {"filter", "INPUT", "-j WHERRY-HOSTPORTS"},
      {"filter", "FORWARD", "-j WHERRY-HOSTPORTS"},
  };
  return jumps;
}

std::string Match(const PortMapping& port) {
  std::string match = "-p " + port.protocol;
  if (!port.host_ip.empty()) match += " -d " + port.host_ip + "/32";
  return match + " -m " + port.protocol + " --dport " + std::to_string(port.host_port);
}

bool IsOurs(std::string_view chain) { return chain == kTranslate || chain == kMasquerade; }

linux::IptablesSave Parse(const std::string& save) {
  return linux::ParseIptablesSave(save, IsOurs);
}

std::string ChainInput(const char* chain, const std::vector<std::string>& rules) {
  std::string input = std::string(":") + chain + " - [0:0]\n";
  for (const std::string& rule : rules) input += std::string("-A ") + chain + " " + rule + "\n";
  return input;
}

// The pod that the table gives the flow to; `matched` says whether a port of it is meant at all.
const PodPorts* PodOf(const linux::UdpFlow& flow, const HostPortTable& table,
                      const std::vector<linux::Ipv4>& node_addresses, uint16_t& container_port) {
  const bool to_node = flow.destination.bytes[0] == 127 ||
                       std::find(node_addresses.begin(), node_addresses.end(), flow.destination) !=
                           node_addresses.end();
  for (const auto& [uid, pod] : table) {
    for (const PortMapping& port : pod.ports) {
      const bool to_address =
          port.host_ip.empty() ? to_node : port.host_ip == flow.destination.ToString();
      if (port.protocol != "udp" || port.host_port != flow.destination_port || !to_address)
        continue;
      container_port = port.container_port;
      return &pod;
    }
  }
  return nullptr;
}

}  // namespace

HostPortRules BuildHostPortRules(const HostPortTable& table, const std::string& bridge) {
  HostPortRules rules;
  for (const auto& [uid, pod] : table) {
    const std::string ip = pod.ip.ToString();
    for (const PortMapping& port : pod.ports) {
      rules.translate.push_back(Match(port) + " -j DNAT --to-destination " + ip + ":" +
                                std::to_string(port.container_port));
    }
    rules.masquerade.push_back("-s " + ip + "/32 -d " + ip +
                               "/32 -m conntrack --ctstate DNAT -j MASQUERADE");
  }
  rules.masquerade.push_back("-s 127.0.0.0/8 -o " + bridge + " -j MASQUERADE");
  rules.firewall = {"-i " + bridge + " -s 127.0.0.0/8 -j DROP",
                    "-i " + bridge + " -d 127.0.0.0/8 -m conntrack ! --ctstate " +
                        "RELATED,ESTABLISHED,DNAT -j DROP"};
  return rules;
}

std::string LoadInput(const HostPortRules& rules, const std::string& save) {
  const linux::IptablesSave present = Parse(save);
  std::string nat =
      ChainInput(kTranslate, rules.translate) + ChainInput(kMasquerade, rules.masquerade);
  std::string filter = ChainInput(kFirewall, rules.firewall);
  for (const linux::IptablesJump& jump : Jumps()) {
    if (linux::HasJump(present.jumps, jump)) continue;
    const bool is_nat = jump.table == "nat";
    (is_nat ? nat : filter) += (is_nat ? "-A " : "-I ") + jump.chain + " " + jump.rule + "\n";
  }
  return "*filter\n" + filter + "COMMIT\n*nat\n" + nat + "COMMIT\n";
}

std::string UnloadInput(const std::string& save) {
  linux::IptablesSave present = Parse(save);
  std::string input;
  for (const char* table : {"nat", "filter"}) {
    std::string emptied;
    std::string removed;
    for (const auto& [chain, count] : present.chains[table]) {
      emptied += ":" + chain + " - [0:0]\n";
      removed += "-X " + chain + "\n";
    }
    std::string jumps;
    for (const linux::IptablesJump& jump : present.jumps) {
      if (jump.table == table) jumps += "-D " + jump.chain + " " + jump.rule + "\n";
    }
    if (emptied.empty() && jumps.empty()) continue;
    input += std::string("*") + table + "\n" + emptied + jumps + removed + "COMMIT\n";
  }
  return input;
}

bool IsLoaded(const HostPortRules& rules, const std::string& save) {
  linux::IptablesSave present = Parse(save);
  auto holds = [&present](const char* table, const char* chain, size_t count) {
    auto there = present.chains[table].find(chain);
    return there != present.chains[table].end() && there->second == count;
  };
  return holds("nat", kTranslate, rules.translate.size()) &&
         holds("nat", kMasquerade, rules.masquerade.size()) &&
         holds("filter", kFirewall, rules.firewall.size()) &&
         std::all_of(Jumps().begin(), Jumps().end(), [&present](const linux::IptablesJump& jump) {
           return linux::HasJump(present.jumps, jump);
         });
}

std::vector<linux::UdpFlow> StaleHostPortFlows(const std::vector<linux::UdpFlow>& flows,
                                               const HostPortTable& before,
                                               const HostPortTable& now,
                                               const std::vector<linux::Ipv4>& node_addresses) {
  std::vector<linux::UdpFlow> stale;
  for (const linux::UdpFlow& flow : flows) {
    uint16_t port = 0;
    const PodPorts* old = PodOf(flow, before, node_addresses, port);
    const bool to_old =
        old != nullptr && flow.answers_from == old->ip && flow.answers_from_port == port;
    const PodPorts* pod = PodOf(flow, now, node_addresses, port);
    const bool to_pod =
        pod != nullptr && flow.answers_from == pod->ip && flow.answers_from_port == port;
    if (pod != nullptr ? !to_pod : to_old) stale.push_back(flow);
  }
  return stale;
}

}  // namespace wherry::nodeagent::network
