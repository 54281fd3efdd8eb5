#pragma once

#include "nodeagent/stats/collector.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace wherry::nodeagent::eviction {

// The pod that ends for the good of the node, and why.
struct Victim {
  std::shared_ptr<const lifecycle::Pod> pod;
  std::string message;
};

// What the node is short of.
struct Shortage {
  std::string resource;  // "memory", "ephemeral-storage"
  int64_t threshold_bytes = 0;
  int64_t available_bytes = 0;
};

// First those that use more than they asked for, then the least important, then the one furthest
// above its request; never one of the system's critical ones, nor one that has ended. For
// ephemeral-storage the sample has the pods' disks. nullopt when nobody is left. Pure.
// Source: pkg/kubelet/eviction/helpers.go rankMemoryPressure, rankDiskPressure.
std::optional<Victim> ChooseVictim(const stats::Sample& sample, const Shortage& shortage);

}  // namespace wherry::nodeagent::eviction
