#include "scheduler/plugins/podtopologyspread/plugin.h"

#include "lib/api/labels.h"
#include "lib/api/object_meta.h"
#include "lib/api/taints.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/meta/v1.pb.h"
#include "scheduler/framework/node_affinity.h"
#include "scheduler/framework/node_labels.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace wherry::scheduler::plugins {
namespace {

namespace core = api::core::v1;
using framework::DomainCounts;
using framework::NodeInfo;
using framework::PodInfo;
using framework::Rejection;
using framework::Snapshot;

constexpr const char* kHostname = framework::kHostnameLabel;
constexpr const char* kZone = framework::kZoneLabel;

// One constraint with its selector ready.
struct Constraint {
  std::string topology_key;
  int64_t max_skew = 1;
  int64_t min_domains = 1;
  bool honor_affinity = true;
  bool honor_taints = false;
  std::function<bool(const core::Pod&)> counts;
  // What `counts` comes to in each domain, when that is known without asking pod by pod.
  const framework::DomainCounts* known = nullptr;

  // Whether the node's pods and domain take part at all.
  bool Includes(const core::Pod& pod, const core::Node& node) const {
    if (honor_affinity && !framework::RequiredAffinityMatches(pod, node)) return false;
    if (!honor_taints) return true;
    return std::all_of(
        node.spec().taints().begin(), node.spec().taints().end(), [&pod](const auto& taint) {
          return taint.effect() == "PreferNoSchedule" || api::AnyTolerates(pod.spec(), taint);
        });
  }
};

Constraint MakeConstraint(const core::Pod& pod, const core::TopologySpreadConstraint& spec) {
  Constraint constraint{.topology_key = spec.topologykey(),
                        .max_skew = spec.maxskew(),
                        .min_domains = spec.has_mindomains() ? spec.mindomains() : 1,
                        .honor_affinity = spec.nodeaffinitypolicy() != "Ignore",
                        .honor_taints = spec.nodetaintspolicy() == "Honor"};
  auto parsed = spec.has_labelselector() ? api::Selector::FromLabelSelector(spec.labelselector())
                                         : Result<api::Selector>(api::Selector::Nothing());
  // The API server has validated the selector; one that does not parse all the same counts nothing.
  api::Selector selector = parsed.ok() ? std::move(*parsed) : api::Selector::Nothing();
  api::LabelMap same_values;
  for (const std::string& key : spec.matchlabelkeys()) {
    auto label = pod.metadata().labels().find(key);
    if (label != pod.metadata().labels().end()) same_values[key] = label->second;
  }
  constraint.counts = [selector, same = api::Selector::FromMap(same_values),
                       ns = pod.metadata().namespace_()](const core::Pod& other) {
    return other.metadata().namespace_() == ns && !other.metadata().has_deletiontimestamp() &&
           selector.Matches(other) && same.Matches(other);
  };
  return constraint;
}

std::vector<Constraint> ConstraintsOf(const core::Pod& pod, std::string_view when) {
  std::vector<Constraint> constraints;
  for (const auto& spec : pod.spec().topologyspreadconstraints()) {
    if (spec.whenunsatisfiable() == when) constraints.push_back(MakeConstraint(pod, spec));
  }
  return constraints;
}

// For pods without constraints: spread the pods of one controller over hosts (skew 3) and zones
// (skew 5). Upstream finds the siblings by the selectors of Services and controllers; the
// controller reference names the same pods.
std::vector<Constraint> DefaultConstraints(const core::Pod& pod,
                                           const framework::SiblingIndex& index) {
  const auto* controller = api::ControllerOf(pod.metadata());
  if (controller == nullptr || !pod.spec().topologyspreadconstraints().empty()) return {};
  auto siblings = [uid = controller->uid()](const core::Pod& other) {
    return !other.metadata().has_deletiontimestamp() && api::IsControlledBy(other.metadata(), uid);
  };
  std::vector<Constraint> constraints;
  constraints.push_back({.topology_key = kHostname, .max_skew = 3, .counts = siblings});
  constraints.push_back({.topology_key = kZone, .max_skew = 5, .counts = siblings});
  // Pods that may only go to some nodes look at the pods on those nodes.
  const core::PodSpec& spec = pod.spec();
  if (!spec.nodeselector().empty() ||
      spec.affinity().nodeaffinity().has_requiredduringschedulingignoredduringexecution()) {
    return constraints;
  }
  static const DomainCounts kNone;
  for (Constraint& constraint : constraints) {
    constraint.known = index.CountsOf(controller->uid(), constraint.topology_key);
    if (constraint.known == nullptr) constraint.known = &kNone;
  }
  return constraints;
}

bool HasAllKeys(const core::Node& node, const std::vector<Constraint>& constraints) {
  return std::all_of(constraints.begin(), constraints.end(), [&node](const Constraint& constraint) {
    return framework::LabelOf(node, constraint.topology_key) != nullptr;
  });
}

int64_t CountOn(const NodeInfo& node, const Constraint& constraint) {
  return std::count_if(node.pods().begin(), node.pods().end(),
                       [&constraint](const auto& pod) { return constraint.counts(*pod->pod); });
}

std::vector<DomainCounts> CountDomains(const core::Pod& pod,
                                       const std::vector<Constraint>& constraints,
                                       const Snapshot& nodes) {
  std::vector<DomainCounts> counts(constraints.size());
  for (const NodeInfo* node : nodes) {
    if (!HasAllKeys(node->node(), constraints)) continue;
    for (size_t i = 0; i < constraints.size(); ++i) {
      if (!constraints[i].Includes(pod, node->node())) continue;
      counts[i][*framework::LabelOf(node->node(), constraints[i].topology_key)] +=
          CountOn(*node, constraints[i]);
    }
  }
  return counts;
}

class SpreadFilter : public framework::NodeFilter {
 public:
  SpreadFilter(const core::Pod& pod, std::vector<Constraint> constraints, const Snapshot& nodes)
      : pod_(pod),
        constraints_(std::move(constraints)),
        counts_(CountDomains(pod, constraints_, nodes)) {
    for (size_t i = 0; i < constraints_.size(); ++i) least_.push_back(LeastOf(i));
  }

  std::vector<Rejection> Check(const NodeInfo& node) const override {
    for (size_t i = 0; i < constraints_.size(); ++i) {
      const std::string* domain = framework::LabelOf(node.node(), constraints_[i].topology_key);
      if (domain == nullptr) {
        return {framework::Rejection::Lasting(
            "node(s) didn't match pod topology spread constraints (missing required label)")};
      }
      auto count = counts_[i].find(*domain);
      const int64_t there = count == counts_[i].end() ? 0 : count->second;
      const int64_t self = constraints_[i].counts(pod_) ? 1 : 0;
      if (there + self - least_[i] > constraints_[i].max_skew) {
        return {"node(s) didn't match pod topology spread constraints"};
      }
    }
    return {};
  }

  void FollowPod(const PodInfo& other, const NodeInfo& node, int64_t by) override {
    if (!HasAllKeys(node.node(), constraints_)) return;
    for (size_t i = 0; i < constraints_.size(); ++i) {
      const Constraint& constraint = constraints_[i];
      if (!constraint.counts(*other.pod) || !constraint.Includes(pod_, node.node())) continue;
      int64_t& count = counts_[i][*framework::LabelOf(node.node(), constraint.topology_key)];
      const bool was_least = count == least_[i];
      count += by;
      // One that was above the least and grows, or stays above it, changes nothing.
      if (was_least || count < least_[i]) least_[i] = LeastOf(i);
    }
  }

 private:
  int64_t LeastOf(size_t i) const {
    if (counts_[i].empty()) return 0;
    if (static_cast<int64_t>(counts_[i].size()) < constraints_[i].min_domains) return 0;
    int64_t least = std::numeric_limits<int64_t>::max();
    for (const auto& [domain, count] : counts_[i]) least = std::min(least, count);
    return least;
  }

  const core::Pod& pod_;
  std::vector<Constraint> constraints_;
  std::vector<DomainCounts> counts_;
  std::vector<int64_t> least_;
};

// Fewer matching pods in the node's domains is better; a topology of many domains weighs more.
// Source: podtopologyspread/scoring.go.
class SpreadScorer : public framework::NodeScorer {
 public:
  // `needs_all_keys`: a node without one of the labels takes no part and gets no points.
  SpreadScorer(const core::Pod& pod, std::vector<Constraint> constraints, bool needs_all_keys,
               const Snapshot& feasible, const Snapshot& all)
      : constraints_(std::move(constraints)), needs_all_keys_(needs_all_keys) {
    std::vector<const NodeInfo*> candidates;
    for (const NodeInfo* node : feasible) {
      if (!IsIgnored(node->node())) candidates.push_back(node);
    }
    counts_.resize(constraints_.size());
    for (size_t i = 0; i < constraints_.size(); ++i) {
      const Constraint& constraint = constraints_[i];
      const bool per_host = constraint.topology_key == kHostname;
      std::unordered_set<std::string_view> domains;
      for (const NodeInfo* node : candidates) {
        if (per_host && constraint.known != nullptr) break;
        const std::string* domain = framework::LabelOf(node->node(), constraint.topology_key);
        if (domain == nullptr) continue;
        if (constraint.known == nullptr) counts_[i].try_emplace(*domain, 0);
        domains.insert(*domain);
      }
      const size_t size = per_host ? candidates.size() : domains.size();
      weights_.push_back(std::log(static_cast<double>(size) + 2));
    }
    if (std::all_of(constraints_.begin(), constraints_.end(),
                    [](const Constraint& each) { return each.known != nullptr; })) {
      return;
    }
    for (const NodeInfo* node : all) {
      if (IsIgnored(node->node())) continue;
      for (size_t i = 0; i < constraints_.size(); ++i) {
        if (constraints_[i].known != nullptr) continue;
        const std::string* domain = framework::LabelOf(node->node(), constraints_[i].topology_key);
        if (domain == nullptr) continue;
        auto count = counts_[i].find(*domain);
        if (count == counts_[i].end() || !constraints_[i].Includes(pod, node->node())) continue;
        count->second += CountOn(*node, constraints_[i]);
      }
    }
  }

  int64_t Score(const NodeInfo& node) const override {
    if (IsIgnored(node.node())) return kIgnored;
    double cost = 0;
    for (size_t i = 0; i < constraints_.size(); ++i) {
      const std::string* domain = framework::LabelOf(node.node(), constraints_[i].topology_key);
      if (domain == nullptr) continue;
      const DomainCounts& counts =
          constraints_[i].known != nullptr ? *constraints_[i].known : counts_[i];
      auto count = counts.find(*domain);
      const int64_t there = count == counts.end() ? 0 : count->second;
      cost += static_cast<double>(there) * weights_[i] +
              static_cast<double>(constraints_[i].max_skew - 1);
    }
    return std::llround(cost);
  }

  void Normalize(std::span<int64_t> scores) const override {
    int64_t low = std::numeric_limits<int64_t>::max();
    int64_t high = 0;
    for (const int64_t score : scores) {
      if (score == kIgnored) continue;
      low = std::min(low, score);
      high = std::max(high, score);
    }
    for (int64_t& score : scores) {
      if (score == kIgnored) {
        score = 0;
      } else {
        score = high == 0 ? framework::kMaxNodeScore
                          : framework::kMaxNodeScore * (high + low - score) / high;
      }
    }
  }

 private:
  static constexpr int64_t kIgnored = -1;

  bool IsIgnored(const core::Node& node) const {
    return needs_all_keys_ && !HasAllKeys(node, constraints_);
  }

  std::vector<Constraint> constraints_;
  bool needs_all_keys_;
  std::vector<DomainCounts> counts_;  // of the domains of feasible nodes, where not known
  std::vector<double> weights_;
};

class PodTopologySpread : public framework::Plugin {
 public:
  explicit PodTopologySpread(const framework::SiblingIndex& siblings) : siblings_(siblings) {}
  std::string_view name() const override { return "PodTopologySpread"; }
  int64_t weight() const override { return 2; }
  std::unique_ptr<framework::NodeFilter> PrepareFilter(const PodInfo& pod,
                                                       const Snapshot& nodes) const override {
    auto constraints = ConstraintsOf(*pod.pod, "DoNotSchedule");
    if (constraints.empty()) return nullptr;
    return std::make_unique<SpreadFilter>(*pod.pod, std::move(constraints), nodes);
  }
  std::unique_ptr<framework::NodeScorer> PrepareScore(const PodInfo& pod, const Snapshot& feasible,
                                                      const Snapshot& all) const override {
    if (feasible.size() < 2) return nullptr;
    auto constraints = ConstraintsOf(*pod.pod, "ScheduleAnyway");
    const bool own = !constraints.empty();
    if (!own) constraints = DefaultConstraints(*pod.pod, siblings_);
    if (constraints.empty()) return nullptr;
    return std::make_unique<SpreadScorer>(*pod.pod, std::move(constraints), own, feasible, all);
  }

 private:
  const framework::SiblingIndex& siblings_;
};

}  // namespace

std::unique_ptr<framework::Plugin> MakePodTopologySpread(const framework::SiblingIndex& siblings) {
  return std::make_unique<PodTopologySpread>(siblings);
}

}  // namespace wherry::scheduler::plugins
