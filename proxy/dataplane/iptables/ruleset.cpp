#include "proxy/dataplane/iptables/ruleset.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace wherry::proxy::dataplane {
namespace {

using services::Frontend;
using services::Rule;

constexpr const char* kMasqueradeMark = "0x4000/0x4000";

// 16 base-32 characters of FNV-1a over the name, twice with different seeds: chain names are at
// most 28 bytes, and what counts is that they are stable and do not collide.
std::string Hash(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string out;
  for (uint64_t seed : {0xcbf29ce484222325ULL, 0x84222325cbf29ce4ULL}) {
    uint64_t hash = seed;
    for (const char c : text) {
      hash ^= static_cast<unsigned char>(c);
      hash *= 0x100000001b3ULL;
    }
    for (int i = 0; i < 8; ++i) {
      out += kAlphabet[hash & 31];
      hash >>= 5;
    }
  }
  return out;
}

std::string Protocol(const Frontend& frontend) {
  return std::string(services::ProtocolName(frontend.protocol));
}

std::string Comment(std::string_view text) {
  return "-m comment --comment \"" + std::string(text) + "\"";
}

std::string EndpointChain(const Rule& rule, const services::Backend& backend) {
  return "KUBE-SEP-" + Hash(rule.service + Protocol(rule.frontend) + backend.ip + ":" +
                            std::to_string(backend.port));
}

// "-m statistic" chances that give each of the backends the same share.
std::string Chance(size_t index, size_t count) {
  if (index + 1 == count) return "";
  char probability[32];
  std::snprintf(probability, sizeof probability, "%.10f", 1.0 / static_cast<double>(count - index));
  return std::string("-m statistic --mode random --probability ") + probability + " ";
}

// A reset ends a local connect(2) at once; an ICMP error would be looked at with the first
// retransmission only, because it arrives while the socket is busy sending.
std::string Refusal(const Frontend& frontend) {
  return frontend.protocol == services::Protocol::kTcp ? " -j REJECT --reject-with tcp-reset"
                                                       : " -j REJECT";
}

class Builder {
 public:
  Builder(const services::Table& table, const RulesetOptions& options) : options_(options) {
    AddFixedChains();
    for (const Rule& rule : table.rules) AddRule(rule);
    // Last, so that service addresses on the node's own interfaces win.
    nat_["KUBE-SERVICES"].push_back(
        Comment("kubernetes service nodeports; NOTE: this must be the last rule in this chain") +
        (options.localhost_node_ports ? "" : " ! -d 127.0.0.0/8") +
        " -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS");
  }
  Ruleset Take() { return std::move(ruleset_); }

 private:
  void AddFixedChains() {
    nat_["KUBE-SERVICES"] = {};
    nat_["KUBE-NODEPORTS"] = {};
    nat_["KUBE-MARK-MASQ"] = {std::string("-j MARK --or-mark 0x4000")};
    auto& postrouting = nat_["KUBE-POSTROUTING"];
    postrouting.push_back(std::string("-m mark --mark ") + kMasqueradeMark + " " +
                          Comment("kubernetes service traffic requiring SNAT") + " -j MASQUERADE");
    if (!options_.pod_cidr.empty()) {
      postrouting.push_back("-s " + options_.pod_cidr + " ! -d " + options_.pod_cidr +
                            " -m addrtype ! --dst-type LOCAL " +
                            Comment("pod traffic leaving the cluster") + " -j MASQUERADE");
    }
    filter_["KUBE-SERVICES"] = {};
    filter_["KUBE-EXTERNAL-SERVICES"] = {};
    filter_["KUBE-PROXY-FIREWALL"] = {};
    AddLocalnetChain();
    auto& forward = filter_["KUBE-FORWARD"];
    forward.push_back(std::string("-m mark --mark ") + kMasqueradeMark + " " +
                      Comment("kubernetes forwarding rules") + " -j ACCEPT");
    forward.push_back("-m conntrack --ctstate RELATED,ESTABLISHED " +
                      Comment("kubernetes forwarding conntrack rule") + " -j ACCEPT");
    if (!options_.pod_cidr.empty()) {
      forward.push_back("-s " + options_.pod_cidr + " " + Comment("traffic of pods") +
                        " -j ACCEPT");
      forward.push_back("-d " + options_.pod_cidr + " " + Comment("traffic to pods") +
                        " -j ACCEPT");
    }
  }

  // What the kernel itself drops while route_localnet is off. Answers to this node's own
  // connections come to loopback addresses by other links, once they are translated back.
  void AddLocalnetChain() {
    auto& localnet = filter_["KUBE-LOCALNET"];
    if (!options_.localhost_node_ports) return;
    const std::string comment = Comment("block incoming localnet connections");
    localnet.push_back("! -i lo -s 127.0.0.0/8 " + comment + " -j DROP");
    localnet.push_back("! -i lo -d 127.0.0.0/8 " + comment +
                       " -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP");
    if (options_.switched_route_localnet_on) filter_[kRouteLocalnetMark] = {};
  }

  // "-d 10.96.0.1/32 -p tcp -m tcp --dport 443 -m comment ..."
  static std::string Match(const Rule& rule, std::string_view comment) {
    const Frontend& frontend = rule.frontend;
    std::string match;
    if (frontend.kind != Frontend::Kind::kNodePort) match += "-d " + frontend.ip + "/32 ";
    match += "-p " + Protocol(frontend) + " -m " + Protocol(frontend) + " --dport " +
             std::to_string(frontend.port);
    return match + " " + Comment(comment);
  }

  void AddRule(const Rule& rule) {
    const bool node_port = rule.frontend.kind == Frontend::Kind::kNodePort;
    if (rule.backends.empty()) {
      const bool external = rule.frontend.kind != Frontend::Kind::kClusterIp;
      const std::string local = node_port ? "-m addrtype --dst-type LOCAL " : "";
      filter_[external ? "KUBE-EXTERNAL-SERVICES" : "KUBE-SERVICES"].push_back(
          local +
          Match(rule, rule.service + (rule.drop_when_empty ? " has no local endpoints"
                                                           : " has no endpoints")) +
          (rule.drop_when_empty ? " -j DROP" : Refusal(rule.frontend)));
      if (rule.inside_backends.empty()) return;
    }
    std::string chain = AddServiceChain(rule);
    if (rule.source_ranges) chain = AddFirewallChain(rule, chain);
    nat_[node_port ? "KUBE-NODEPORTS" : "KUBE-SERVICES"].push_back(Match(rule, rule.service) +
                                                                   " -j " + chain);
  }

  // One chain per frontend: KUBE-SVC-... for cluster IPs, KUBE-EXT-... where traffic comes from
  // outside.
  std::string AddServiceChain(const Rule& rule) {
    const bool external = rule.frontend.kind != Frontend::Kind::kClusterIp;
    const std::string chain = (external ? "KUBE-EXT-" : "KUBE-SVC-") +
                              Hash(rule.service + Protocol(rule.frontend) + rule.frontend.ip + "/" +
                                   std::to_string(static_cast<int>(rule.frontend.kind)));
    std::vector<std::string>& rules = nat_[chain];
    rules.clear();
    if (rule.masquerade) {
      rules.push_back(Comment("masquerade traffic for " + rule.service + " external destinations") +
                      " -j KUBE-MARK-MASQ");
    } else if (!external && !options_.pod_cidr.empty()) {
      // The node chose its source address for the cluster IP, which the way to the backend may not
      // share: on a machine with two interfaces the answer would not come back.
      rules.push_back("! -s " + options_.pod_cidr + " " +
                      Comment("masquerade traffic for " + rule.service + " from outside of pods") +
                      " -j KUBE-MARK-MASQ");
    }
    if (!rule.inside_backends.empty()) {
      const std::string inside =
          "KUBE-SVC-" + Hash(rule.service + Protocol(rule.frontend) + "/inside");
      std::vector<std::string>& inside_rules = nat_[inside];
      inside_rules.clear();
      Balance(rule, rule.inside_backends, inside_rules);
      if (!options_.pod_cidr.empty()) {
        rules.push_back("-s " + options_.pod_cidr + " " +
                        Comment("pod traffic for " + rule.service + " external destinations") +
                        " -j " + inside);
      }
      rules.push_back(
          Comment("masquerade LOCAL traffic for " + rule.service + " external destinations") +
          " -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ");
      rules.push_back(
          Comment("route LOCAL traffic for " + rule.service + " external destinations") +
          " -m addrtype --src-type LOCAL -j " + inside);
    }
    Balance(rule, rule.backends, rules);
    return chain;
  }

  // Appends the choice of one of the backends.
  void Balance(const Rule& rule, const std::vector<services::Backend>& backends,
               std::vector<std::string>& rules) {
    const bool affinity = rule.affinity_seconds > 0 && options_.has_recent_match;
    if (affinity) {
      for (const auto& backend : backends) {
        const std::string endpoint = EndpointChain(rule, backend);
        rules.push_back(Comment(rule.service) + " -m recent --name " + endpoint +
                        " --rcheck --seconds " + std::to_string(rule.affinity_seconds) +
                        " --reap -j " + endpoint);
      }
    }
    for (size_t i = 0; i < backends.size(); ++i) {
      const auto& backend = backends[i];
      const std::string endpoint = AddEndpointChain(rule, backend, affinity);
      rules.push_back(
          Comment(rule.service + " -> " + backend.ip + ":" + std::to_string(backend.port)) + " " +
          Chance(i, backends.size()) + "-j " + endpoint);
    }
  }

  // Clients that are not admitted leave the chain with their destination as it was, and are dropped
  // by that.
  std::string AddFirewallChain(const Rule& rule, const std::string& chain) {
    const std::string firewall = "KUBE-FW-" + chain.substr(chain.rfind('-') + 1);
    std::vector<std::string>& rules = nat_[firewall];
    rules.clear();
    for (const services::SourceRange& range : *rule.source_ranges) {
      rules.push_back("-s " + range.ToString() + " " + Comment(rule.service) + " -j " + chain);
    }
    filter_["KUBE-PROXY-FIREWALL"].push_back(
        Match(rule, rule.service + " traffic not accepted by " + firewall) + " -j DROP");
    return firewall;
  }

  std::string AddEndpointChain(const Rule& rule, const services::Backend& backend, bool affinity) {
    const std::string chain = EndpointChain(rule, backend);
    const std::string target = backend.ip + ":" + std::to_string(backend.port);
    // A pod that reaches itself through its service must see another source address (hairpin).
    nat_[chain] = {"-s " + backend.ip + "/32 " + Comment(rule.service) + " -j KUBE-MARK-MASQ",
                   "-p " + Protocol(rule.frontend) + " " + Comment(rule.service) + " " +
                       (affinity ? "-m recent --name " + chain + " --set " : "") + "-m " +
                       Protocol(rule.frontend) + " -j DNAT --to-destination " + target};
    return chain;
  }

  const RulesetOptions& options_;
  Ruleset ruleset_;
  Chains& nat_ = ruleset_.nat;
  Chains& filter_ = ruleset_.filter;
};

void AppendTable(std::string_view name, const Chains& before, const Chains& after,
                 std::string& out) {
  std::string declarations;
  std::string rules;
  std::string removals;
  for (const auto& [chain, lines] : after) {
    auto old = before.find(chain);
    if (old != before.end() && old->second == lines) continue;
    declarations += ":" + chain + " - [0:0]\n";
    for (const std::string& line : lines) rules += "-A " + chain + " " + line + "\n";
  }
  for (const auto& [chain, lines] : before) {
    if (after.contains(chain)) continue;
    // Declared again, which empties it; then removed, once nothing leads to it any more.
    declarations += ":" + chain + " - [0:0]\n";
    removals += "-X " + chain + "\n";
  }
  if (declarations.empty()) return;
  out += "*" + std::string(name) + "\n" + declarations + rules + removals + "COMMIT\n";
}

}  // namespace

Ruleset BuildRuleset(const services::Table& table, const RulesetOptions& options) {
  return Builder(table, options).Take();
}

std::vector<Jump> Jumps() {
  // Refusals come before KUBE-FORWARD, which accepts what pods send.
  const std::string new_only = "-m conntrack --ctstate NEW ";
  const std::string firewall =
      new_only + Comment("kubernetes load balancer firewall") + " -j KUBE-PROXY-FIREWALL";
  const std::string localnet = Comment("kubernetes localnet firewall") + " -j KUBE-LOCALNET";
  return {
      {"filter", "INPUT", localnet},
      {"filter", "FORWARD", localnet},
      {"filter", "INPUT", firewall},
      {"filter", "FORWARD", firewall},
      {"filter", "OUTPUT", firewall},
      {"nat", "PREROUTING", Comment("kubernetes service portals") + " -j KUBE-SERVICES"},
      {"nat", "OUTPUT", Comment("kubernetes service portals") + " -j KUBE-SERVICES"},
      {"nat", "POSTROUTING", Comment("kubernetes postrouting rules") + " -j KUBE-POSTROUTING"},
      {"filter", "INPUT",
       new_only + Comment("kubernetes externally-visible service portals") +
           " -j KUBE-EXTERNAL-SERVICES"},
      {"filter", "FORWARD", new_only + Comment("kubernetes service portals") + " -j KUBE-SERVICES"},
      {"filter", "FORWARD",
       new_only + Comment("kubernetes externally-visible service portals") +
           " -j KUBE-EXTERNAL-SERVICES"},
      {"filter", "FORWARD", Comment("kubernetes forwarding rules") + " -j KUBE-FORWARD"},
      {"filter", "OUTPUT", new_only + Comment("kubernetes service portals") + " -j KUBE-SERVICES"},
      {"filter", "OUTPUT",
       new_only + Comment("kubernetes externally-visible service portals") +
           " -j KUBE-EXTERNAL-SERVICES"},
  };
}

std::string RestoreInput(const Ruleset& before, const Ruleset& after) {
  std::string input;
  AppendTable("nat", before.nat, after.nat, input);
  AppendTable("filter", before.filter, after.filter, input);
  return input;
}

}  // namespace wherry::proxy::dataplane
