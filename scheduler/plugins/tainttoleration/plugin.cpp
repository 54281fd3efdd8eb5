#include "scheduler/plugins/tainttoleration/plugin.h"

#include "lib/api/taints.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::scheduler::plugins {
namespace {

namespace core = api::core::v1;

class TaintFilter : public framework::NodeFilter {
 public:
  explicit TaintFilter(const core::PodSpec& spec) : spec_(spec) {}
  std::vector<framework::Rejection> Check(const framework::NodeInfo& node) const override {
    for (const core::Taint& taint : node.node().spec().taints()) {
      if (taint.effect() == "PreferNoSchedule" || api::AnyTolerates(spec_, taint)) continue;
      return {framework::Rejection::Lasting("node(s) had untolerated taint {" + taint.key() + ": " +
                                            taint.value() + "}")};
    }
    return {};
  }

 private:
  const core::PodSpec& spec_;
};

// Counts the PreferNoSchedule taints that are not tolerated: a cost.
class TaintScorer : public framework::NodeScorer {
 public:
  explicit TaintScorer(const core::PodSpec& spec) : spec_(spec) {}
  int64_t Score(const framework::NodeInfo& node) const override {
    int64_t intolerable = 0;
    for (const core::Taint& taint : node.node().spec().taints()) {
      if (taint.effect() == "PreferNoSchedule" && !api::AnyTolerates(spec_, taint)) ++intolerable;
    }
    return intolerable;
  }
  void Normalize(std::span<int64_t> scores) const override {
    framework::NormalizeByMaximum(scores, true);
  }

 private:
  const core::PodSpec& spec_;
};

class TaintToleration : public framework::Plugin {
 public:
  std::string_view name() const override { return "TaintToleration"; }
  int64_t weight() const override { return 3; }
  std::unique_ptr<framework::NodeFilter> PrepareFilter(const framework::PodInfo& pod,
                                                       const framework::Snapshot&) const override {
    return std::make_unique<TaintFilter>(pod.pod->spec());
  }
  std::unique_ptr<framework::NodeScorer> PrepareScore(const framework::PodInfo& pod,
                                                      const framework::Snapshot&,
                                                      const framework::Snapshot&) const override {
    return std::make_unique<TaintScorer>(pod.pod->spec());
  }
};

}  // namespace

std::unique_ptr<framework::Plugin> MakeTaintToleration() {
  return std::make_unique<TaintToleration>();
}

}  // namespace wherry::scheduler::plugins
