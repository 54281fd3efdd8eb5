#pragma once

#include "controllers/objects/types.h"

#include <memory>
#include <vector>

// Which EndpointSlices mirror an Endpoints object that a user wrote for a service without selector.
// Source: KEP-752; upstream pkg/controller/endpointslicemirroring.
namespace wherry::controllers::endpointslicemirroring {

inline constexpr char kControllerName[] = "endpointslicemirroring-controller.k8s.io";
inline constexpr char kSkipMirror[] = "endpointslice.kubernetes.io/skip-mirror";

struct State {
  EndpointsPtr endpoints;                // null when there is none
  ServicePtr service;                    // of the same name; null when there is none
  std::vector<EndpointSlicePtr> slices;  // those of this controller with that name
};

struct Actions {
  // Without a name; `generateName` is set.
  std::vector<std::shared_ptr<discoveryv1::EndpointSlice>> create;
  std::vector<std::shared_ptr<discoveryv1::EndpointSlice>> update;
  std::vector<EndpointSlicePtr> remove;
};

// Nothing is mirrored without a service, for services with a selector (their endpoints come from
// pods), with the label skip-mirror, and for leader election locks.
Actions Reconcile(const State& state);

}  // namespace wherry::controllers::endpointslicemirroring
