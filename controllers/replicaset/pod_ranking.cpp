#include "controllers/objects/pod_state.h"
#include "controllers/replicaset/reconcile.h"
#include "lib/api/time.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <map>
#include <tuple>

namespace wherry::controllers::replicaset {
namespace {

constexpr char kPodDeletionCost[] = "controller.kubernetes.io/pod-deletion-cost";

int PhaseRank(const corev1::Pod& pod) {
  const std::string& phase = pod.status().phase();
  if (phase == "Unknown") return 1;
  return phase == "Running" ? 2 : 0;
}

int32_t DeletionCost(const corev1::Pod& pod) {
  const auto it = pod.metadata().annotations().find(kPodDeletionCost);
  if (it == pod.metadata().annotations().end()) return 0;
  int32_t cost = 0;
  const std::string& text = it->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cost);
  return error == std::errc() && end == text.data() + text.size() ? cost : 0;
}

// The power of two of an age in nanoseconds: ages of one magnitude are alike, so that scaling down
// does not always take the newest. An unknown age is none (0).
int Magnitude(std::optional<WallTime> since, WallTime now) {
  if (!since || *since >= now) return 0;
  const auto age = std::chrono::duration_cast<std::chrono::nanoseconds>(now - *since).count();
  return static_cast<int>(std::bit_width(static_cast<uint64_t>(age)));
}

// Smaller goes first.
auto Rank(const corev1::Pod& pod, const std::map<std::string, int>& on_node, WallTime now) {
  const auto node = on_node.find(pod.spec().nodename());
  std::optional<WallTime> created;
  if (pod.metadata().creationtimestamp().seconds() != 0)
    created = api::ToWallClock(pod.metadata().creationtimestamp());
  return std::tuple(!pod.spec().nodename().empty(), PhaseRank(pod), IsPodReady(pod),
                    DeletionCost(pod), node == on_node.end() ? 0 : -node->second,
                    Magnitude(PodReadySince(pod), now), -MaxContainerRestarts(pod),
                    Magnitude(created, now), std::string_view(pod.metadata().uid()));
}

}  // namespace

std::vector<PodPtr> PodsToDelete(std::vector<PodPtr> pods, const std::vector<PodPtr>& related,
                                 size_t count, WallTime now) {
  if (count >= pods.size()) return pods;
  std::map<std::string, int> on_node;
  for (const auto& pod : related) {
    if (IsPodActive(*pod)) ++on_node[pod->spec().nodename()];
  }
  const auto middle = pods.begin() + static_cast<std::ptrdiff_t>(count);
  std::partial_sort(pods.begin(), middle, pods.end(), [&](const PodPtr& a, const PodPtr& b) {
    return Rank(*a, on_node, now) < Rank(*b, on_node, now);
  });
  pods.erase(middle, pods.end());
  return pods;
}

}  // namespace wherry::controllers::replicaset
