#pragma once

#include "controllers/objects/types.h"

#include <memory>
#include <vector>

// The Endpoints object of a service, as a pure function of the service and its pods.
// Source: upstream pkg/controller/endpoint and pkg/api/v1/endpoints.
namespace wherry::controllers::endpoints {

inline constexpr char kOverCapacity[] = "endpoints.kubernetes.io/over-capacity";
inline constexpr int kAddressesMax = 1000;  // of all subsets together

struct State {
  const corev1::Service& service;
  std::vector<PodPtr> pods;  // those it selects
  EndpointsPtr current;      // null when there is none
};

// What to write, null when `current` is as it should be. Without a resourceVersion it is to be
// created.
std::shared_ptr<corev1::Endpoints> Reconcile(const State& state);

}  // namespace wherry::controllers::endpoints
