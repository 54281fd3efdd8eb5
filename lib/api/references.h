#pragma once

#include <set>
#include <string>
#include <utility>

namespace wherry::api::core::v1 {
class PersistentVolume;
class Pod;
}  // namespace wherry::api::core::v1

// Which other objects a pod or a volume names in its spec. Pure. Source: upstream pkg/api/v1/pod
// (VisitPodSecretNames, VisitPodConfigmapNames) and pkg/api/persistentvolume (VisitPVSecretNames).
namespace wherry::api {

// All in the pod's namespace. A name may be empty where the pod leaves it out.
struct PodReferences {
  std::set<std::string> secrets;
  std::set<std::string> config_maps;
  std::set<std::string> claims;  // PersistentVolumeClaims, also those made for generic volumes
  std::string service_account;
  bool token_volumes = false;  // projects service account tokens
};
PodReferences ReferencesOf(const core::v1::Pod& pod);

// Namespace and name of each Secret that a node needs to mount the volume. Those without a
// namespace of their own are in the claim's.
std::set<std::pair<std::string, std::string>> NodeSecretsOf(
    const core::v1::PersistentVolume& volume);

}  // namespace wherry::api
