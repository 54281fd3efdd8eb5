#pragma once

#include "controllers/objects/types.h"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

// Nodes of one zone fail together, and how many have failed says how fast their pods may be taken
// away. Pure. Source: upstream pkg/controller/nodelifecycle (ComputeZoneState, handleDisruption).
namespace wherry::controllers::nodelifecycle {

struct ZoneHealth {
  int ready = 0;
  int not_ready = 0;
};
using Zones = std::map<std::string, ZoneHealth>;  // by ZoneOf

// The labels of region and zone.
std::string ZoneOf(const corev1::Node& node);
// Nodes labelled node.kubernetes.io/exclude-disruption do not count.
Zones CountZones(const std::vector<NodePtr>& nodes);

// No zone has a ready node: more likely this process is cut off than all nodes are gone, so that
// nothing is evicted and evictions under way are called off.
bool EveryZoneIsLost(const Zones& zones);
// How fast nodes of a zone are emptied: one per interval; nullopt: none at all. Where more than two
// nodes and more than half of all have failed, taking their pods to the rest would only make it
// worse; a zone that has none left harms no rest.
std::optional<std::chrono::seconds> EvictionInterval(const ZoneHealth& zone);

}  // namespace wherry::controllers::nodelifecycle
