#pragma once

#include "controllers/objects/types.h"

#include <memory>
#include <string>

// What the ConfigMap with the cluster's certificate authority says. Pure.
namespace wherry::controllers::rootcacertpublisher {

inline constexpr char kConfigMapName[] = "kube-root-ca.crt";
inline constexpr char kKey[] = "ca.crt";
inline constexpr char kDescription[] = "kubernetes.io/description";

// The ConfigMap of `ns` as it should be, null when `current` is so already. A null `current` makes
// a new one; its metadata stays otherwise, but for an empty description.
std::shared_ptr<corev1::ConfigMap> WithRootCa(const std::string& ns,
                                              const corev1::ConfigMap* current,
                                              const std::string& root_ca_pem);

}  // namespace wherry::controllers::rootcacertpublisher
