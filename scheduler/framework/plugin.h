#pragma once

#include "scheduler/framework/node_info.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What a scheduling rule plugs in. Upstream's framework has PreFilter and Filter, PreScore and
// Score with a state map between them; here the first of each pair returns an object that holds
// that state and does the second.
namespace wherry::scheduler::framework {

inline constexpr int64_t kMaxNodeScore = 100;

// Why a node does not fit.
struct Rejection {
  Rejection(const char* text) : reason(text) {}
  Rejection(std::string text) : reason(std::move(text)) {}
  // Whatever pods go, it stays: upstream's UnschedulableAndUnresolvable.
  static Rejection Lasting(std::string text) {
    Rejection rejection(std::move(text));
    rejection.lasts = true;
    return rejection;
  }

  std::string reason;  // counted into "0/3 nodes are available: 2 Insufficient cpu."
  bool lasts = false;
};

// One rule for one pod. Lives for one decision.
class NodeFilter {
 public:
  virtual ~NodeFilter() = default;
  // Nothing when the pod fits; else every reason why not.
  virtual std::vector<Rejection> Check(const NodeInfo& node) const = 0;
  // In a dry run `other` came onto the node (`by` 1) or left it (-1): what was counted over all
  // nodes follows. Upstream's PreFilterExtensions.
  virtual void FollowPod(const PodInfo& /*other*/, const NodeInfo& /*node*/, int64_t /*by*/) {}
};

// One preference for one pod. Lives for one decision.
class NodeScorer {
 public:
  virtual ~NodeScorer() = default;
  // Raw points; Normalize brings them to 0..kMaxNodeScore.
  virtual int64_t Score(const NodeInfo& node) const = 0;
  virtual void Normalize(std::span<int64_t> /*scores*/) const {}
};

// Stateless; made once. Both methods may return null: the rule has nothing to say about this pod.
class Plugin {
 public:
  virtual ~Plugin() = default;
  virtual std::string_view name() const = 0;  // upstream's ("NodeResourcesFit")
  virtual int64_t weight() const { return 1; }
  // Its filter borrows from an index of all pods, which knows of every change: after one the filter
  // is prepared anew, which costs little.
  virtual bool filter_borrows_from_index() const { return false; }
  virtual std::unique_ptr<NodeFilter> PrepareFilter(const PodInfo& /*pod*/,
                                                    const Snapshot& /*nodes*/) const {
    return nullptr;
  }
  virtual std::unique_ptr<NodeScorer> PrepareScore(const PodInfo& /*pod*/,
                                                   const Snapshot& /*feasible*/,
                                                   const Snapshot& /*all*/) const {
    return nullptr;
  }
};

using Plugins = std::vector<std::unique_ptr<Plugin>>;

// Scales scores so that the highest becomes kMaxNodeScore; `reverse` turns a cost into points.
void NormalizeByMaximum(std::span<int64_t> scores, bool reverse);

}  // namespace wherry::scheduler::framework
