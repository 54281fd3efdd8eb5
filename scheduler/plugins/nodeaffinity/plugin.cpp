#include "scheduler/plugins/nodeaffinity/plugin.h"

#include "proto/api/core/v1.pb.h"
#include "scheduler/framework/node_affinity.h"

namespace wherry::scheduler::plugins {
namespace {

namespace core = api::core::v1;

class AffinityFilter : public framework::NodeFilter {
 public:
  explicit AffinityFilter(const core::Pod& pod) : pod_(pod) {}
  std::vector<framework::Rejection> Check(const framework::NodeInfo& node) const override {
    if (framework::RequiredAffinityMatches(pod_, node.node())) return {};
    return {framework::Rejection::Lasting("node(s) didn't match Pod's node affinity/selector")};
  }

 private:
  const core::Pod& pod_;
};

class AffinityScorer : public framework::NodeScorer {
 public:
  explicit AffinityScorer(const core::NodeAffinity& affinity) : affinity_(affinity) {}
  int64_t Score(const framework::NodeInfo& node) const override {
    int64_t score = 0;
    for (const auto& term : affinity_.preferredduringschedulingignoredduringexecution()) {
      if (framework::TermMatches(term.preference(), node.node())) score += term.weight();
    }
    return score;
  }
  void Normalize(std::span<int64_t> scores) const override {
    framework::NormalizeByMaximum(scores, false);
  }

 private:
  const core::NodeAffinity& affinity_;
};

class NodeAffinity : public framework::Plugin {
 public:
  std::string_view name() const override { return "NodeAffinity"; }
  int64_t weight() const override { return 2; }
  std::unique_ptr<framework::NodeFilter> PrepareFilter(const framework::PodInfo& pod,
                                                       const framework::Snapshot&) const override {
    const core::PodSpec& spec = pod.pod->spec();
    if (spec.nodeselector().empty() &&
        !spec.affinity().nodeaffinity().has_requiredduringschedulingignoredduringexecution()) {
      return nullptr;
    }
    return std::make_unique<AffinityFilter>(*pod.pod);
  }
  std::unique_ptr<framework::NodeScorer> PrepareScore(const framework::PodInfo& pod,
                                                      const framework::Snapshot&,
                                                      const framework::Snapshot&) const override {
    const core::NodeAffinity& affinity = pod.pod->spec().affinity().nodeaffinity();
    if (affinity.preferredduringschedulingignoredduringexecution().empty()) return nullptr;
    return std::make_unique<AffinityScorer>(affinity);
  }
};

}  // namespace

std::unique_ptr<framework::Plugin> MakeNodeAffinity() { return std::make_unique<NodeAffinity>(); }

}  // namespace wherry::scheduler::plugins
