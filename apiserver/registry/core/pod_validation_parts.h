#pragma once

#include "apiserver/registry/core/field_checks.h"
#include "apiserver/registry/core/pod_validation.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace google::protobuf {
template <typename Key, typename Value>
class Map;
template <typename T>
class RepeatedPtrField;
}  // namespace google::protobuf
namespace wherry::api::core::v1 {
class Affinity;
class Container;
class DownwardAPIVolumeFile;
class EnvFromSource;
class EnvVar;
class EphemeralContainer;
class Lifecycle;
class NodeSelectorTerm;
class ObjectFieldSelector;
class PodSecurityContext;
class Probe;
class ResourceFieldSelector;
class ResourceRequirements;
class SecurityContext;
class Taint;
class Toleration;
class TopologySpreadConstraint;
class Volume;
class VolumeDevice;
class VolumeMount;
class VolumeSource;
}  // namespace wherry::api::core::v1
namespace wherry::api::meta::v1 {
class IntOrString;
class Quantity;
}  // namespace wherry::api::meta::v1

// The parts that pod validation is made of, one .cpp per subject (pod_validation_<subject>.cpp).
namespace wherry::apiserver::registry {

template <typename T>
using List = google::protobuf::RepeatedPtrField<T>;
namespace v1 = api::core::v1;

// The valid volumes of a pod by name.
class VolumeTable {
 public:
  void Add(std::string_view name, const v1::VolumeSource* source);
  const v1::VolumeSource* Find(std::string_view name) const;  // null: there is none

 private:
  std::vector<std::pair<std::string_view, const v1::VolumeSource*>> volumes_;
};

// --- volumes
VolumeTable ValidateVolumes(const List<v1::Volume>& volumes, const PodSpecOwner& owner,
                            const FieldPath& path, ErrorList& errors);
void ValidateVolumeMounts(const List<v1::VolumeMount>& mounts,
                          const List<v1::VolumeDevice>& devices, const VolumeTable& volumes,
                          bool privileged, const FieldPath& path, ErrorList& errors);
void ValidateVolumeDevices(const List<v1::VolumeDevice>& devices,
                           const List<v1::VolumeMount>& mounts, const VolumeTable& volumes,
                           const FieldPath& path, ErrorList& errors);
// Relative and without "..".
void ValidateLocalDescendingPath(std::string_view value, const FieldPath& path, ErrorList& errors);
void ValidateLocalNonReservedPath(std::string_view value, const FieldPath& path, ErrorList& errors);
void ValidatePathNoBacksteps(std::string_view value, const FieldPath& path, ErrorList& errors);

// --- containers
void ValidateContainers(const v1::PodSpec& spec, const VolumeTable& volumes,
                        const PodSpecOwner& owner, const FieldPath& path, ErrorList& errors);
void ValidateInitContainers(const v1::PodSpec& spec, const VolumeTable& volumes,
                            const PodSpecOwner& owner, const FieldPath& path, ErrorList& errors);
void ValidateEphemeralContainers(const v1::PodSpec& spec, const VolumeTable& volumes,
                                 const FieldPath& path, ErrorList& errors);
void ValidateImageOfPod(std::string_view image, const FieldPath& path, ErrorList& errors);
void ValidateLifecycle(const v1::Lifecycle& lifecycle, const FieldPath& path, ErrorList& errors);
enum class ProbeKind { kLiveness, kReadiness, kStartup };
void ValidateProbe(const v1::Probe& probe, ProbeKind kind, const FieldPath& path,
                   ErrorList& errors);

// --- environment
void ValidateEnv(const List<v1::EnvVar>& variables, const FieldPath& path, ErrorList& errors);
void ValidateEnvFrom(const List<v1::EnvFromSource>& sources, const FieldPath& path,
                     ErrorList& errors);
void ValidateFieldSelector(const v1::ObjectFieldSelector& selector,
                           std::span<const std::string_view> allowed, const FieldPath& path,
                           ErrorList& errors);
void ValidateResourceSelector(const v1::ResourceFieldSelector& selector, bool needs_container,
                              const FieldPath& path, ErrorList& errors);

// --- resources
void ValidateResourceRequirements(const v1::ResourceRequirements& requirements,
                                  const FieldPath& path, ErrorList& errors);
void ValidateOverhead(const google::protobuf::Map<std::string, api::meta::v1::Quantity>& overhead,
                      const FieldPath& path, ErrorList& errors);

// --- security
void ValidateSecurityContext(const v1::SecurityContext& context, const FieldPath& path,
                             ErrorList& errors);
void ValidatePodSecurityContext(const v1::PodSpec& spec, const FieldPath& path, ErrorList& errors);
void ValidatePodOS(const v1::PodSpec& spec, const FieldPath& path, ErrorList& errors);

// --- scheduling
void ValidateAffinity(const v1::Affinity& affinity, const FieldPath& path, ErrorList& errors);
void ValidateNodeSelectorTerm(const v1::NodeSelectorTerm& term, const FieldPath& path,
                              ErrorList& errors);
void ValidateTolerations(const List<v1::Toleration>& tolerations, const FieldPath& path,
                         ErrorList& errors);
void ValidateTopologySpread(const List<v1::TopologySpreadConstraint>& constraints,
                            const FieldPath& path, ErrorList& errors);
inline constexpr std::string_view kTaintEffects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute"};

// A port by number or by name.
void ValidatePortNumOrName(const api::meta::v1::IntOrString& port, const FieldPath& path,
                           ErrorList& errors);

}  // namespace wherry::apiserver::registry
