#include "proxy/dataplane/iptables/stale_flows.h"

#include <algorithm>

namespace wherry::proxy::dataplane {
namespace {

using linux::UdpFlow;
using services::Frontend;

// The rule that takes the flow, as the kernel would find it: addresses first, then node ports.
const services::Rule* RuleOf(const UdpFlow& flow, const UdpRules& rules,
                             const std::vector<linux::Ipv4>& node_addresses) {
  Frontend frontend{.ip = flow.destination.ToString(),
                    .port = flow.destination_port,
                    .protocol = services::Protocol::kUdp};
  for (const auto kind : {Frontend::Kind::kClusterIp, Frontend::Kind::kExternalIp}) {
    frontend.kind = kind;
    if (auto rule = rules.find(frontend); rule != rules.end()) return &rule->second;
  }
  const bool to_node = std::find(node_addresses.begin(), node_addresses.end(), flow.destination) !=
                           node_addresses.end() ||
                       flow.destination.bytes[0] == 127;
  if (!to_node) return nullptr;
  frontend.kind = Frontend::Kind::kNodePort;
  frontend.ip.clear();
  auto rule = rules.find(frontend);
  return rule == rules.end() ? nullptr : &rule->second;
}

bool IsTranslated(const UdpFlow& flow) {
  return flow.answers_from != flow.destination || flow.answers_from_port != flow.destination_port;
}

}  // namespace

UdpRules UdpRulesOf(const services::Table& table) {
  UdpRules rules;
  for (const services::Rule& rule : table.rules) {
    if (rule.frontend.protocol == services::Protocol::kUdp) rules.emplace(rule.frontend, rule);
  }
  return rules;
}

std::vector<UdpFlow> StaleFlows(const std::vector<UdpFlow>& flows, const UdpRules& before,
                                const UdpRules& now,
                                const std::vector<linux::Ipv4>& node_addresses) {
  std::vector<UdpFlow> stale;
  for (const UdpFlow& flow : flows) {
    if (const services::Rule* rule = RuleOf(flow, now, node_addresses)) {
      const services::Backend answers{.ip = flow.answers_from.ToString(),
                                      .port = flow.answers_from_port};
      auto among = [&answers](const std::vector<services::Backend>& backends) {
        return std::binary_search(backends.begin(), backends.end(), answers);
      };
      if ((!among(rule->backends) && !among(rule->inside_backends)) ||
          !rule->Admits(flow.source.ToString())) {
        stale.push_back(flow);
      }
    } else if (IsTranslated(flow) && RuleOf(flow, before, node_addresses) != nullptr) {
      stale.push_back(flow);
    }
  }
  return stale;
}

}  // namespace wherry::proxy::dataplane
