#pragma once

#include "controllers/objects/types.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

// Which EndpointSlices a service should have, given those it has: as few writes as possible, then
// as few slices. Source: KEP-752; upstream staging/src/k8s.io/endpointslice.
namespace wherry::controllers::endpointslice {

inline constexpr char kControllerName[] = "endpointslice-controller.k8s.io";
inline constexpr int kEndpointsPerSliceMax = 100;

struct State {
  const corev1::Service& service;
  std::vector<PodPtr> pods;              // those it selects
  std::vector<EndpointSlicePtr> slices;  // those of this controller with the service's name
  // The node of that name, null when there is none.
  std::function<NodePtr(const std::string& name)> node;
};

struct Actions {
  // Without a name; `generateName` is set.
  std::vector<std::shared_ptr<discoveryv1::EndpointSlice>> create;
  std::vector<std::shared_ptr<discoveryv1::EndpointSlice>> update;
  std::vector<EndpointSlicePtr> remove;
};

// Pods on nodes that do not exist are left out (unless publishNotReadyAddresses); the node's
// appearance is reason to ask again.
Actions Reconcile(const State& state);

}  // namespace wherry::controllers::endpointslice
