#include "controllers/podgc/finished_pods.h"

#include "controllers/objects/pod_state.h"
#include "lib/client/informer.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::controllers::podgc {

std::vector<std::string> FinishedPods::Update(const corev1::Pod& pod) {
  const std::string key = client::KeyOf(pod);
  if (!IsPodTerminal(pod)) {
    Remove(pod);
    return {};
  }
  if (surplus_.contains(key)) return {};
  if (const auto known = places_.find(key); known != places_.end()) kept_.erase(known->second);
  const bool evicted = pod.status().phase() == "Failed" && pod.status().reason() == "Evicted";
  const Place place{!evicted, pod.metadata().creationtimestamp().seconds(), key};
  kept_.insert(place);
  places_[key] = place;
  std::vector<std::string> surplus;
  while (keep_ > 0 && kept_.size() > keep_) {
    const std::string first = std::get<std::string>(*kept_.begin());
    kept_.erase(kept_.begin());
    places_.erase(first);
    surplus_.insert(first);
    surplus.push_back(first);
  }
  return surplus;
}

void FinishedPods::Remove(const corev1::Pod& pod) {
  const std::string key = client::KeyOf(pod);
  surplus_.erase(key);
  const auto known = places_.find(key);
  if (known == places_.end()) return;
  kept_.erase(known->second);
  places_.erase(known);
}

}  // namespace wherry::controllers::podgc
