#pragma once

#include "scheduler/framework/affinity_index.h"

#include <array>
#include <string>
#include <unordered_map>

namespace wherry::scheduler::framework {

inline constexpr const char* kHostnameLabel = "kubernetes.io/hostname";
inline constexpr const char* kZoneLabel = "topology.kubernetes.io/zone";

// Where the pods of each controller are, by host and by zone; those that are being deleted do not
// count. Kept up to date pod by pod.
class SiblingIndex {
 public:
  void AddPod(const PodInfo& pod, const api::core::v1::Node& node) { Count(pod, node, 1); }
  // The node as it was when the pod was added.
  void RemovePod(const PodInfo& pod, const api::core::v1::Node& node) { Count(pod, node, -1); }

  // Null when there is none. `topology_key` is one of the two labels above. Valid until the next
  // change.
  const DomainCounts* CountsOf(const std::string& controller_uid,
                               const std::string& topology_key) const;

 private:
  struct Siblings {
    int64_t pods = 0;
    std::array<DomainCounts, 2> counts;  // by host, by zone
  };
  void Count(const PodInfo& pod, const api::core::v1::Node& node, int64_t by);
  std::unordered_map<std::string, Siblings> by_controller_;
};

}  // namespace wherry::scheduler::framework
