#include "controllers/nodelifecycle/zones.h"

#include "controllers/nodelifecycle/health.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::controllers::nodelifecycle {
namespace {

constexpr char kExcluded[] = "node.kubernetes.io/exclude-disruption";

}  // namespace

std::string ZoneOf(const corev1::Node& node) {
  const auto& labels = node.metadata().labels();
  const auto get = [&](const char* key) {
    const auto it = labels.find(key);
    return it == labels.end() ? std::string() : it->second;
  };
  return get("topology.kubernetes.io/region") + ":" + get("topology.kubernetes.io/zone");
}

Zones CountZones(const std::vector<NodePtr>& nodes) {
  Zones zones;
  for (const auto& node : nodes) {
    if (node->metadata().labels().contains(kExcluded)) continue;
    auto& zone = zones[ZoneOf(*node)];
    ++(ReadyStatus(*node) == "True" ? zone.ready : zone.not_ready);
  }
  return zones;
}

bool EveryZoneIsLost(const Zones& zones) {
  return std::all_of(zones.begin(), zones.end(),
                     [](const auto& zone) { return zone.second.ready == 0; });
}

std::optional<std::chrono::seconds> EvictionInterval(const ZoneHealth& zone) {
  constexpr double kUnhealthyZone = 0.55;  // --unhealthy-zone-threshold
  constexpr int kLargeZone = 50;           // --large-cluster-size-threshold
  const int nodes = zone.ready + zone.not_ready;
  const bool partly_lost =
      zone.ready > 0 && zone.not_ready > 2 && zone.not_ready >= kUnhealthyZone * nodes;
  if (!partly_lost) return std::chrono::seconds(10);  // --node-eviction-rate=0.1
  if (nodes <= kLargeZone) return std::nullopt;
  return std::chrono::seconds(100);  // --secondary-node-eviction-rate=0.01
}

}  // namespace wherry::controllers::nodelifecycle
