#include "scheduler/cycle/schedule.h"

#include "scheduler/cycle/pod_filters.h"
#include "scheduler/plugins/imagelocality/plugin.h"
#include "scheduler/plugins/interpodaffinity/plugin.h"
#include "scheduler/plugins/nodeaffinity/plugin.h"
#include "scheduler/plugins/nodename/plugin.h"
#include "scheduler/plugins/nodeports/plugin.h"
#include "scheduler/plugins/noderesources/plugin.h"
#include "scheduler/plugins/nodeunschedulable/plugin.h"
#include "scheduler/plugins/podtopologyspread/plugin.h"
#include "scheduler/plugins/tainttoleration/plugin.h"

#include <algorithm>
#include <memory>
#include <vector>

namespace wherry::scheduler::cycle {
namespace {

using framework::NodeInfo;
using framework::NodeScorer;
using framework::Snapshot;

// Every node up to a hundred; beyond, a share that falls from half to a twentieth as the cluster
// grows.
size_t FeasibleNodesWanted(size_t nodes) {
  constexpr size_t kAlwaysAll = 100;
  if (nodes <= kAlwaysAll) return nodes;
  const size_t percent = std::max<size_t>(5, 50 - std::min<size_t>(nodes / 125, 45));
  return std::max(kAlwaysAll, nodes * percent / 100);
}

const NodeInfo* HighestScore(const framework::Plugins& plugins, const framework::PodInfo& pod,
                             const Snapshot& feasible, const Snapshot& all, uint64_t tie_breaker) {
  if (feasible.size() == 1) return feasible.front();
  std::vector<int64_t> totals(feasible.size(), 0);
  std::vector<int64_t> scores(feasible.size(), 0);
  for (const auto& plugin : plugins) {
    const std::unique_ptr<NodeScorer> scorer = plugin->PrepareScore(pod, feasible, all);
    if (scorer == nullptr) continue;
    for (size_t i = 0; i < feasible.size(); ++i) scores[i] = scorer->Score(*feasible[i]);
    scorer->Normalize(scores);
    for (size_t i = 0; i < feasible.size(); ++i) totals[i] += scores[i] * plugin->weight();
  }
  const int64_t best = *std::max_element(totals.begin(), totals.end());
  std::vector<const NodeInfo*> equals;
  for (size_t i = 0; i < feasible.size(); ++i) {
    if (totals[i] == best) equals.push_back(feasible[i]);
  }
  return equals[tie_breaker % equals.size()];
}

}  // namespace

framework::Plugins DefaultPlugins(framework::Indexes& indexes) {
  framework::Plugins all;
  all.push_back(plugins::MakeNodeUnschedulable());
  all.push_back(plugins::MakeNodeName());
  all.push_back(plugins::MakeTaintToleration());
  all.push_back(plugins::MakeNodeAffinity());
  all.push_back(plugins::MakeNodePorts());
  all.push_back(plugins::MakeNodeResourcesFit());
  all.push_back(plugins::MakePodTopologySpread(indexes.siblings));
  all.push_back(plugins::MakeInterPodAffinity(indexes.affinity));
  all.push_back(plugins::MakeNodeResourcesBalancedAllocation());
  all.push_back(plugins::MakeImageLocality(indexes.images));
  return all;
}

void FitError::Count(const std::vector<framework::Rejection>& rejections) {
  for (const framework::Rejection& rejection : rejections) ++nodes_by_reason[rejection.reason];
}

std::string FitError::Message() const {
  std::string message = "0/" + std::to_string(nodes_total) + " nodes are available";
  if (nodes_total == 0) return "no nodes available to schedule pods";
  std::vector<std::string> parts;
  for (const auto& [reason, nodes] : nodes_by_reason) {
    parts.push_back(std::to_string(nodes) + " " + reason);
  }
  std::sort(parts.begin(), parts.end());
  const char* separator = ": ";
  for (const std::string& part : parts) {
    message += separator + part;
    separator = ", ";
  }
  return message + ".";
}

Decision Schedule(const framework::Plugins& plugins, const framework::PodInfo& pod,
                  const Snapshot& nodes, size_t& start, uint64_t tie_breaker) {
  Decision decision;
  decision.fit_error.nodes_total = static_cast<int64_t>(nodes.size());
  const PodFilters filters(plugins, pod, nodes);
  Snapshot feasible;
  const size_t wanted = FeasibleNodesWanted(nodes.size());
  size_t evaluated = 0;
  while (evaluated < nodes.size() && feasible.size() < wanted) {
    const NodeInfo* node = nodes[(start + evaluated) % nodes.size()];
    ++evaluated;
    const auto rejections = filters.Check(*node);
    decision.fit_error.Count(rejections);
    if (rejections.empty()) feasible.push_back(node);
  }
  if (!nodes.empty()) start = (start + evaluated) % nodes.size();
  if (feasible.empty()) return decision;
  decision.scheduled = true;
  decision.placement = {
      .node_name = HighestScore(plugins, pod, feasible, nodes, tie_breaker)->name(),
      .nodes_evaluated = static_cast<int64_t>(evaluated),
      .nodes_feasible = static_cast<int64_t>(feasible.size())};
  return decision;
}

}  // namespace wherry::scheduler::cycle
