#include "scheduler/plugins/noderesources/plugin.h"

#include <algorithm>
#include <cmath>

namespace wherry::scheduler::plugins {
namespace {

using framework::NodeInfo;
using framework::PodInfo;
using framework::Rejection;
using framework::Resources;
using framework::Snapshot;

class FitFilter : public framework::NodeFilter {
 public:
  explicit FitFilter(const Resources& request) : request_(request) {}

  std::vector<Rejection> Check(const NodeInfo& node) const override {
    std::vector<Rejection> rejections;
    const Resources& have = node.allocatable().resources;
    const Resources& used = node.requested();
    if (static_cast<int64_t>(node.pods().size()) + 1 > node.allocatable().pods) {
      rejections.emplace_back("Too many pods");
    }
    auto check = [&rejections](int64_t asked, int64_t free, std::string_view name) {
      if (asked > 0 && asked > free) rejections.push_back("Insufficient " + std::string(name));
    };
    check(request_.cpu_milli, have.cpu_milli - used.cpu_milli, "cpu");
    check(request_.memory_bytes, have.memory_bytes - used.memory_bytes, "memory");
    check(request_.ephemeral_storage_bytes,
          have.ephemeral_storage_bytes - used.ephemeral_storage_bytes, "ephemeral-storage");
    for (const auto& [name, asked] : request_.extended) {
      check(asked, AmountOf(have, name) - AmountOf(used, name), name);
    }
    return rejections;
  }

 private:
  static int64_t AmountOf(const Resources& resources, std::string_view name) {
    auto found = resources.extended.find(name);
    return found == resources.extended.end() ? 0 : found->second;
  }

  const Resources& request_;
};

// cpu and memory count alike; what is left, in hundredths of what there is. A resource that the
// node does not have does not count.
class LeastAllocatedScorer : public framework::NodeScorer {
 public:
  explicit LeastAllocatedScorer(const Resources& request) : request_(request) {}

  int64_t Score(const NodeInfo& node) const override {
    const Resources& have = node.allocatable().resources;
    const Resources& used = node.requested_for_scoring();
    int64_t resources = 0;
    int64_t sum = 0;
    auto add = [&](int64_t capacity, int64_t wanted) {
      if (capacity == 0) return;
      ++resources;
      if (wanted <= capacity) sum += (capacity - wanted) * framework::kMaxNodeScore / capacity;
    };
    add(have.cpu_milli, used.cpu_milli + request_.cpu_milli);
    add(have.memory_bytes, used.memory_bytes + request_.memory_bytes);
    return resources == 0 ? 0 : sum / resources;
  }

 private:
  const Resources& request_;
};

// Nodes whose cpu and memory would be used to the same share are better. What pods ask for counts,
// and nothing for those that ask for nothing. Source: noderesources/balanced_allocation.go.
class BalancedScorer : public framework::NodeScorer {
 public:
  explicit BalancedScorer(const Resources& request) : request_(request) {}

  int64_t Score(const NodeInfo& node) const override {
    const Resources& have = node.allocatable().resources;
    const Resources& used = node.requested();
    double deviation = 0;
    if (have.cpu_milli != 0 && have.memory_bytes != 0) {
      const double cpu = Fraction(used.cpu_milli + request_.cpu_milli, have.cpu_milli);
      const double memory = Fraction(used.memory_bytes + request_.memory_bytes, have.memory_bytes);
      // The standard deviation of two values is half their distance.
      deviation = std::abs(cpu - memory) / 2;
    }
    return static_cast<int64_t>((1 - deviation) * static_cast<double>(framework::kMaxNodeScore));
  }

 private:
  static double Fraction(int64_t used, int64_t capacity) {
    return std::min(1.0, static_cast<double>(used) / static_cast<double>(capacity));
  }

  const Resources& request_;
};

class NodeResourcesFit : public framework::Plugin {
 public:
  std::string_view name() const override { return "NodeResourcesFit"; }
  std::unique_ptr<framework::NodeFilter> PrepareFilter(const PodInfo& pod,
                                                       const Snapshot&) const override {
    return std::make_unique<FitFilter>(pod.request);
  }
  std::unique_ptr<framework::NodeScorer> PrepareScore(const PodInfo& pod, const Snapshot&,
                                                      const Snapshot&) const override {
    return std::make_unique<LeastAllocatedScorer>(pod.scoring_request);
  }
};

class NodeResourcesBalancedAllocation : public framework::Plugin {
 public:
  std::string_view name() const override { return "NodeResourcesBalancedAllocation"; }
  std::unique_ptr<framework::NodeScorer> PrepareScore(const PodInfo& pod, const Snapshot&,
                                                      const Snapshot&) const override {
    return std::make_unique<BalancedScorer>(pod.request);
  }
};

}  // namespace

std::unique_ptr<framework::Plugin> MakeNodeResourcesFit() {
  return std::make_unique<NodeResourcesFit>();
}
std::unique_ptr<framework::Plugin> MakeNodeResourcesBalancedAllocation() {
  return std::make_unique<NodeResourcesBalancedAllocation>();
}

}  // namespace wherry::scheduler::plugins
