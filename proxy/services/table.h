#pragma once

#include "proxy/services/source_range.h"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What a node's kernel must do for Services: the output of the tracker and the input of every
// dataplane. Plain values.
namespace wherry::proxy::services {

enum class Protocol { kTcp, kUdp };
std::string_view ProtocolName(Protocol protocol);  // "tcp", "udp"

struct Backend {
  std::string ip;
  uint16_t port = 0;
  auto operator<=>(const Backend&) const = default;
};

// Where traffic arrives that belongs to a service port.
struct Frontend {
  enum class Kind {
    kClusterIp,   // `ip`:`port`, from pods and the node itself
    kNodePort,    // every address of the node, `port`; `ip` is empty
    kExternalIp,  // `ip`:`port` from outside (externalIPs, load balancer addresses)
  };
  Kind kind = Kind::kClusterIp;
  std::string ip;
  uint16_t port = 0;
  Protocol protocol = Protocol::kTcp;
  auto operator<=>(const Frontend&) const = default;
};

// One frontend and what answers it.
struct Rule {
  Frontend frontend;
  std::string service;  // "namespace/name:port name": for comments and stable chain names
  // Sorted. Empty: the connection is refused, unless `drop_when_empty`.
  std::vector<Backend> backends;
  // External traffic policy Local binds clients from outside: processes and pods of this node are
  // answered by these, whichever node they are on. Sorted; empty where the policy is Cluster.
  std::vector<Backend> inside_backends;
  // Traffic policy Local without a local endpoint drops instead of refusing: another node may
  // answer.
  bool drop_when_empty = false;
  // Replies must come back through this node: traffic that enters by a node port and may leave to
  // another node.
  bool masquerade = false;
  int affinity_seconds =
      0;  // 0: none; else a client address sticks to its backend for so long after its last packet
  // Only clients from these may come in (spec.loadBalancerSourceRanges), the rest is dropped;
  // nothing: everybody may. Sorted.
  std::optional<std::vector<SourceRange>> source_ranges;

  bool Admits(const std::string& client_ip) const;
  bool operator==(const Rule&) const = default;
};

// Sorted by frontend; frontends are unique.
struct Table {
  std::vector<Rule> rules;
  bool operator==(const Table&) const = default;
};

// A port on which a load balancer asks how many endpoints of a Service this node has.
struct HealthCheck {
  uint16_t port = 0;
  std::string ns;
  std::string name;
  int local_endpoints = 0;  // ready ones
  bool operator==(const HealthCheck&) const = default;
};

}  // namespace wherry::proxy::services
