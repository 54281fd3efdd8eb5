#include "apiserver/registry/core/pod_qos.h"

#include "apiserver/registry/core/resource_lists.h"
#include "lib/api/quantity.h"
#include "proto/api/core/v1.pb.h"

#include <array>

namespace wherry::apiserver::registry {

namespace {

constexpr std::array<const char*, 2> kResources = {"cpu", "memory"};

// Sums of one resource over all containers of a pod.
struct Sums {
  api::Quantity requests;
  api::Quantity limits;
  bool requested = false;
  bool limited = false;
  bool limited_everywhere = true;
};

// The quantity when it is there and above zero.
const api::meta::v1::Quantity* Positive(const ResourceList& list, const char* name,
                                        api::Quantity* value) {
  auto found = list.find(name);
  if (found == list.end()) return nullptr;
  *value = api::Quantity::From(found->second);
  return value->Sign() > 0 ? &found->second : nullptr;
}

template <typename Containers>
void AddContainers(const Containers& containers, const char* name, Sums& sums) {
  for (const auto& container : containers) {
    api::Quantity value;
    if (Positive(container.resources().requests(), name, &value) != nullptr) {
      sums.requests += value;
      sums.requested = true;
    }
    if (Positive(container.resources().limits(), name, &value) != nullptr) {
      sums.limits += value;
      sums.limited = true;
    } else {
      sums.limited_everywhere = false;
    }
  }
}

}  // namespace

std::string_view ComputePodQOS(const api::core::v1::Pod& pod) {
  bool anything = false;
  bool guaranteed = true;
  for (const char* name : kResources) {
    Sums sums;
    AddContainers(pod.spec().containers(), name, sums);
    AddContainers(pod.spec().initcontainers(), name, sums);
    anything = anything || sums.requested || sums.limited;
    guaranteed = guaranteed && sums.limited_everywhere && sums.limited && sums.requested &&
                 sums.requests == sums.limits;
  }
  if (!anything) return "BestEffort";
  return guaranteed ? "Guaranteed" : "Burstable";
}

}  // namespace wherry::apiserver::registry
