#include "scheduler/framework/affinity_index.h"

#include "proto/api/core/v1.pb.h"
#include "proto/api/meta/v1.pb.h"
#include "scheduler/framework/node_labels.h"

#include <algorithm>

namespace wherry::scheduler::framework {
namespace {

namespace core = api::core::v1;

// Sets of terms that are kept counted: more than a cluster has kinds of pods with affinity that
// are scheduled at a time.
constexpr size_t kTrackedMax = 256;

void AddTo(DomainCounts& counts, const std::string& domain, int64_t by) {
  auto [found, inserted] = counts.try_emplace(domain, 0);
  found->second += by;
  if (found->second == 0) counts.erase(found);
}

std::string Bucket(const std::string& ns, const std::string& key, const std::string& value) {
  return ns + "\n" + key + "=" + value;
}

}  // namespace

template <typename Entry>
std::vector<std::string> AffinityIndex::Lookup<Entry>::BucketsOf(const AffinityTerm& term) {
  const auto label = term.needed_label.value_or(std::pair<std::string, std::string>{});
  std::vector<std::string> buckets;
  if (term.namespace_selector) {
    buckets.push_back(Bucket("*", label.first, label.second));
  } else {
    for (const std::string& ns : term.namespaces) {
      buckets.push_back(Bucket(ns, label.first, label.second));
    }
  }
  return buckets;
}

template <typename Entry>
void AffinityIndex::Lookup<Entry>::Add(Entry* entry, const AffinityTerm& term) {
  for (const std::string& bucket : BucketsOf(term)) buckets_[bucket].push_back(entry);
}

template <typename Entry>
void AffinityIndex::Lookup<Entry>::Remove(Entry* entry, const AffinityTerm& term) {
  for (const std::string& bucket : BucketsOf(term)) {
    auto found = buckets_.find(bucket);
    std::erase(found->second, entry);
    if (found->second.empty()) buckets_.erase(found);
  }
}

template <typename Entry>
template <typename Visit>
void AffinityIndex::Lookup<Entry>::ForPod(const core::Pod& pod, const Visit& visit) const {
  if (buckets_.empty()) return;
  auto in_bucket = [&](const std::string& bucket) {
    auto found = buckets_.find(bucket);
    if (found == buckets_.end()) return;
    for (Entry* entry : found->second) visit(*entry);
  };
  for (const std::string& ns : {pod.metadata().namespace_(), std::string("*")}) {
    in_bucket(Bucket(ns, "", ""));
    for (const auto& [key, value] : pod.metadata().labels()) in_bucket(Bucket(ns, key, value));
  }
}

void AffinityIndex::SetNamespace(const std::string& name, const api::LabelMap* labels) {
  auto known = namespaces_.find(name);
  if (labels == nullptr) {
    if (known == namespaces_.end()) return;
    namespaces_.erase(known);
  } else {
    if (known != namespaces_.end() && known->second == *labels) return;
    namespaces_[name] = *labels;
  }
  // What terms with a namespaceSelector match may be different now; they are counted anew when
  // asked for.
  for (auto tracked = tracked_.begin(); tracked != tracked_.end();) {
    auto next = std::next(tracked);
    const bool by_labels = std::any_of(
        tracked->terms.begin(), tracked->terms.end(),
        [](const AffinityTermPtr& term) { return term->namespace_selector.has_value(); });
    if (by_labels) Forget(tracked);
    tracked = next;
  }
}

void AffinityIndex::Count(const PodInfo& pod, const core::Node& node, int64_t by) {
  if (pod.affinity != nullptr) {
    for (const AffinityTermPtr& term : pod.affinity->required) {
      CountCarried(term, Bond::kRequired, 1, node, by);
    }
    for (const AffinityTermPtr& term : pod.affinity->required_anti) {
      CountCarried(term, Bond::kRequiredAnti, 1, node, by);
    }
    for (const WeightedTerm& each : pod.affinity->preferred) {
      CountCarried(each.term, Bond::kPreferred, each.weight, node, by);
    }
  }
  // Here and not where they are asked for: then somebody reads them.
  while (tracked_.size() > kTrackedMax) Forget(std::prev(tracked_.end()));
  tracked_lookup_.ForPod(*pod.pod, [&](Tracked& tracked) {
    if (!MatchesAll(tracked, *pod.pod)) return;
    for (auto& [key, counts] : tracked.counts) {
      if (const std::string* domain = LabelOf(node, key)) AddTo(counts, *domain, by);
    }
  });
}

void AffinityIndex::CountCarried(const AffinityTermPtr& term, Bond bond, int64_t weight,
                                 const core::Node& node, int64_t by) {
  std::unique_ptr<Carried>& carried =
      carried_[std::to_string(static_cast<int>(bond)) + term->identity];
  if (carried == nullptr) {
    carried = std::make_unique<Carried>(Carried{.term = term, .bond = bond});
    carried_lookup_.Add(carried.get(), *term);
  }
  carried->pods += by;
  if (const std::string* domain = LabelOf(node, term->topology_key)) {
    AddTo(carried->counts, *domain, by * weight);
  }
  if (carried->pods == 0) {
    carried_lookup_.Remove(carried.get(), *carried->term);
    carried_.erase(std::to_string(static_cast<int>(bond)) + term->identity);
  }
}

std::vector<const AffinityIndex::Carried*> AffinityIndex::CarriedFor(const core::Pod& pod) const {
  std::vector<const Carried*> found;
  carried_lookup_.ForPod(pod, [&](const Carried& carried) {
    if (carried.term->Matches(pod, namespaces_)) found.push_back(&carried);
  });
  return found;
}

bool AffinityIndex::MatchesAll(const Tracked& tracked, const core::Pod& pod) const {
  return std::all_of(tracked.terms.begin(), tracked.terms.end(),
                     [&](const AffinityTermPtr& term) { return term->Matches(pod, namespaces_); });
}

std::vector<const DomainCounts*> AffinityIndex::Matching(const std::vector<AffinityTermPtr>& terms,
                                                         const Snapshot& nodes) {
  std::string identity;
  for (const AffinityTermPtr& term : terms) identity += term->identity + "\n\n";
  auto known = tracked_by_identity_.find(identity);
  if (known != tracked_by_identity_.end()) {
    tracked_.splice(tracked_.begin(), tracked_, known->second);
  } else {
    tracked_.push_front({.identity = identity, .terms = terms});
    Tracked& tracked = tracked_.front();
    for (const AffinityTermPtr& term : terms) tracked.counts.try_emplace(term->topology_key);
    for (const NodeInfo* node : nodes) {
      const int64_t matching =
          std::count_if(node->pods().begin(), node->pods().end(),
                        [&](const PodInfoPtr& pod) { return MatchesAll(tracked, *pod->pod); });
      if (matching == 0) continue;
      for (auto& [key, counts] : tracked.counts) {
        if (const std::string* domain = LabelOf(node->node(), key)) {
          AddTo(counts, *domain, matching);
        }
      }
    }
    tracked_by_identity_[identity] = tracked_.begin();
    tracked_lookup_.Add(&tracked, *terms.front());
  }
  std::vector<const DomainCounts*> counts;
  for (const AffinityTermPtr& term : terms) {
    counts.push_back(&tracked_.front().counts.at(term->topology_key));
  }
  return counts;
}

void AffinityIndex::Forget(std::list<Tracked>::iterator tracked) {
  tracked_lookup_.Remove(&*tracked, *tracked->terms.front());
  tracked_by_identity_.erase(tracked->identity);
  tracked_.erase(tracked);
}

}  // namespace wherry::scheduler::framework
