#pragma once

#include "lib/api/labels.h"

#include <string>
#include <vector>

namespace wherry::apiserver::admission {

// The labels that a node changes from `before` to `after` on its Node object and may not: with them
// it would draw pods to itself. Of *.kubernetes.io and *.k8s.io it may set what the kubelet knows
// about its machine, and never those of node-restriction.kubernetes.io. Sorted.
// Source: plugin/pkg/admission/noderestriction, k8s.io/kubelet pkg/apis/well_known_labels.go.
std::vector<std::string> ForbiddenNodeLabels(const api::LabelMap& after,
                                             const api::LabelMap& before);

}  // namespace wherry::apiserver::admission
