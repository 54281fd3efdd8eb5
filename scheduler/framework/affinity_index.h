#pragma once

#include "scheduler/framework/node_info.h"

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace wherry::scheduler::framework {

// How many placed pods there are per value of a topology label.
using DomainCounts = std::unordered_map<std::string, int64_t>;

// What InterPodAffinity needs to know of all placed pods, kept up to date pod by pod, so that one
// decision costs the same however many pods and nodes there are:
//
// - who placed pods want near or do not want near: their terms, equal ones together, with the
//   places of the pods that carry them;
// - for the terms of pods that were scheduled lately, the places of the pods they match. A set of
//   terms is counted by one walk over all pods when it is asked for first, then kept.
//
// Pods on nodes without a term's topology label count for nothing. Loop thread; part of the cache.
class AffinityIndex {
 public:
  enum class Bond { kRequired, kRequiredAnti, kPreferred };
  // A term that placed pods carry, and where they are: the number of pods, or the sum of the
  // weights.
  struct Carried {
    AffinityTermPtr term;
    Bond bond = Bond::kRequired;
    int64_t pods = 0;
    DomainCounts counts;
  };

  void AddPod(const PodInfo& pod, const api::core::v1::Node& node) { Count(pod, node, 1); }
  // The node as it was when the pod was added.
  void RemovePod(const PodInfo& pod, const api::core::v1::Node& node) { Count(pod, node, -1); }
  // Null: the namespace is gone.
  void SetNamespace(const std::string& name, const api::LabelMap* labels);
  const NamespaceLabels& namespaces() const { return namespaces_; }

  // The carried terms that match the pod. Valid until the next change.
  std::vector<const Carried*> CarriedFor(const api::core::v1::Pod& pod) const;

  // Where the placed pods are that match all of `terms`, for the topology of each term in turn.
  // Valid until the next change.
  std::vector<const DomainCounts*> Matching(const std::vector<AffinityTermPtr>& terms,
                                            const Snapshot& nodes);

 private:
  // Terms that may match a pod, found by its namespace and one of its labels.
  template <typename Entry>
  class Lookup {
   public:
    void Add(Entry* entry, const AffinityTerm& term);
    void Remove(Entry* entry, const AffinityTerm& term);
    template <typename Visit>
    void ForPod(const api::core::v1::Pod& pod, const Visit& visit) const;

   private:
    static std::vector<std::string> BucketsOf(const AffinityTerm& term);
    std::unordered_map<std::string, std::vector<Entry*>> buckets_;
  };
  struct Tracked {
    std::string identity;
    std::vector<AffinityTermPtr> terms;
    std::map<std::string, DomainCounts> counts;  // by topology key
  };

  void Count(const PodInfo& pod, const api::core::v1::Node& node, int64_t by);
  void CountCarried(const AffinityTermPtr& term, Bond bond, int64_t weight,
                    const api::core::v1::Node& node, int64_t by);
  bool MatchesAll(const Tracked& tracked, const api::core::v1::Pod& pod) const;
  void Forget(std::list<Tracked>::iterator tracked);

  NamespaceLabels namespaces_;
  std::unordered_map<std::string, std::unique_ptr<Carried>> carried_;
  Lookup<Carried> carried_lookup_;
  std::list<Tracked> tracked_;  // asked for last in front
  std::unordered_map<std::string, std::list<Tracked>::iterator> tracked_by_identity_;
  Lookup<Tracked> tracked_lookup_;
};

}  // namespace wherry::scheduler::framework
