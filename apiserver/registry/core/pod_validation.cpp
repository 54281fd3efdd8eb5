#include "apiserver/registry/core/pod_validation.h"

#include "apiserver/registry/core/name_set.h"
#include "apiserver/registry/core/pod_validation_parts.h"
#include "apiserver/registry/core/selector_validation.h"
#include "apiserver/registry/object_meta.h"
#include "lib/api/validation.h"
#include "proto/api/core/v1.pb.h"

#include <charconv>
#include <limits>
#include <map>

namespace wherry::apiserver::registry {

using api::core::v1::Pod;
using api::core::v1::PodSpec;

namespace {

constexpr std::string_view kRestartPolicies[] = {"Always", "OnFailure", "Never"};
constexpr std::string_view kDNSPolicies[] = {"ClusterFirstWithHostNet", "ClusterFirst", "Default",
                                             "None"};
constexpr std::string_view kPreemptionPolicies[] = {"PreemptLowerPriority", "Never"};
constexpr std::string_view kMirrorAnnotation = "kubernetes.io/config.mirror";
constexpr std::string_view kDeletionCost = "controller.kubernetes.io/pod-deletion-cost";

// Limits of the C library's resolver.
constexpr int kNameserversMax = 3;
constexpr int kSearchesMax = 32;
constexpr size_t kSearchBytesMax = 2048;

void ValidateDNSConfig(const PodSpec& spec, const FieldPath& path, ErrorList& errors) {
  const auto& config = spec.dnsconfig();
  FieldPath nameservers = path.Child("nameservers");
  FieldPath searches = path.Child("searches");
  if (spec.dnspolicy() == "None") {
    if (!spec.has_dnsconfig()) {
      return errors.Required(path, "must provide `dnsConfig` when `dnsPolicy` is None");
    }
    if (config.nameservers_size() == 0) {
      return errors.Required(nameservers,
                             "must provide at least one DNS nameserver when `dnsPolicy` is None");
    }
  }
  if (!spec.has_dnsconfig()) return;
  if (config.nameservers_size() > kNameserversMax) {
    errors.Invalid(nameservers, "", "must not have more than 3 nameservers");
  }
  for (int i = 0; i < config.nameservers_size(); ++i) {
    if (api::IsValidIP(config.nameservers(i)).empty()) continue;
    errors.Invalid(nameservers.Index(i), config.nameservers(i), "must be valid IP address");
  }
  if (config.searches_size() > kSearchesMax) {
    errors.Invalid(searches, "", "must not have more than 32 search paths");
  }
  size_t bytes = 0;
  for (int i = 0; i < config.searches_size(); ++i) {
    std::string_view search = config.searches(i);
    bytes += search.size() + (i > 0 ? 1 : 0);
    if (search.ends_with('.')) search.remove_suffix(1);
    CheckDNS1123Subdomain(errors, searches.Index(i), search);
  }
  if (bytes > kSearchBytesMax) {
    errors.Invalid(searches, "",
                   "must not have more than 2048 characters (including spaces) in the search list");
  }
  for (int i = 0; i < config.options_size(); ++i) {
    CheckRequired(errors, path.Child("options").Index(i), config.options(i).name(),
                  "must not be empty");
  }
}

void ValidateHostNetworkPorts(const PodSpec& spec, bool is_pod, const FieldPath& path,
                              ErrorList& errors) {
  for (int c = 0; c < spec.containers_size(); ++c) {
    for (int p = 0; p < spec.containers(c).ports_size(); ++p) {
      const auto& port = spec.containers(c).ports(p);
      if (port.hostport() == port.containerport()) continue;
      // A template may leave the host port to the pod's defaults.
      if (!is_pod && port.hostport() == 0) continue;
      errors.Invalid(path.Index(c).Child("ports").Index(p).Child("hostPort"), port.hostport(),
                     "must match `containerPort` when `hostNetwork` is true");
    }
  }
}

void ValidateGates(const PodSpec& spec, const FieldPath& path, ErrorList& errors) {
  for (int i = 0; i < spec.readinessgates_size(); ++i) {
    CheckQualifiedName(errors, path.Child("readinessGates").Index(i).Child("conditionType"),
                       spec.readinessgates(i).conditiontype());
  }
  NameSet names;
  for (int i = 0; i < spec.schedulinggates_size(); ++i) {
    const std::string& name = spec.schedulinggates(i).name();
    FieldPath at = path.Child("schedulingGates").Index(i);
    CheckQualifiedName(errors, at, name);
    if (!names.Insert(name)) errors.Duplicate(at, name);
  }
}

void ValidateHostAliases(const PodSpec& spec, const FieldPath& path, ErrorList& errors) {
  for (const auto& alias : spec.hostaliases()) {
    if (!api::IsValidIP(alias.ip()).empty()) {
      errors.Invalid(path.Child("ip"), alias.ip(), "must be valid IP address");
    }
    for (const auto& name : alias.hostnames()) {
      CheckDNS1123Subdomain(errors, path.Child("hostnames"), name);
    }
  }
}

// Names that other objects or the pod itself go by; empty ones are not given.
void ValidateNames(const PodSpec& spec, const FieldPath& path, ErrorList& errors) {
  auto check_subdomain = [&](const std::string& name, std::string_view field) {
    if (name.empty()) return;
    AddReasons(errors, path.Child(field), name, api::NameIsDNSSubdomain(name, false));
  };
  check_subdomain(spec.serviceaccountname(), "serviceAccountName");
  check_subdomain(spec.nodename(), "nodeName");
  if (!spec.hostname().empty()) CheckDNS1123Label(errors, path.Child("hostname"), spec.hostname());
  if (!spec.subdomain().empty()) {
    CheckDNS1123Label(errors, path.Child("subdomain"), spec.subdomain());
  }
  check_subdomain(spec.priorityclassname(), "priorityClassName");
  if (spec.has_runtimeclassname()) {
    AddReasons(errors, path.Child("runtimeClassName"), spec.runtimeclassname(),
               api::NameIsDNSSubdomain(spec.runtimeclassname(), false));
  }
}

void ValidatePodAnnotations(const Pod& pod, ErrorList& errors) {
  const auto& annotations = pod.metadata().annotations();
  if (annotations.empty()) return;
  FieldPath path = FieldPath("metadata").Child("annotations");
  auto mirror = annotations.find(std::string(kMirrorAnnotation));
  if (mirror != annotations.end() && pod.spec().nodename().empty()) {
    errors.Invalid(path.Key(kMirrorAnnotation), mirror->second,
                   "must set spec.nodeName if mirror pod annotation is set");
  }
  auto cost = annotations.find(std::string(kDeletionCost));
  if (cost == annotations.end()) return;
  const std::string& text = cost->second;
  int32_t number = 0;
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size()) return;
  errors.Invalid(path.Key(kDeletionCost), text, "must be a 32bit integer");
}

void ForbidTokensWithoutAccount(const PodSpec& spec, const FieldPath& path, ErrorList& errors) {
  if (!spec.serviceaccountname().empty()) return;
  for (int v = 0; v < spec.volumes_size(); ++v) {
    const auto& sources = spec.volumes(v).volumesource().projected().sources();
    for (int s = 0; s < sources.size(); ++s) {
      if (!sources[s].has_serviceaccounttoken()) continue;
      FieldPath projected = path.Child("volumes").Index(v).Child("projected");
      errors.Forbidden(projected.Child("sources").Index(s).Child("serviceAccountToken"),
                       "must not be specified when serviceAccountName is not set");
    }
  }
}

bool IsPinned(std::string_view annotation) {
  return annotation == kMirrorAnnotation ||
         annotation.starts_with("container.apparmor.security.beta.kubernetes.io/");
}

std::string_view PinnedName(std::string_view annotation) {
  return annotation == kMirrorAnnotation ? "mirror pod annotation" : "AppArmor annotations";
}

}  // namespace

void ValidatePodSpec(const PodSpec& spec, const PodSpecOwner& owner, const FieldPath& path,
                     ErrorList& errors) {
  VolumeTable volumes = ValidateVolumes(spec.volumes(), owner, path.Child("volumes"), errors);
  ValidateContainers(spec, volumes, owner, path.Child("containers"), errors);
  ValidateInitContainers(spec, volumes, owner, path.Child("initContainers"), errors);
  ValidateEphemeralContainers(spec, volumes, path.Child("ephemeralContainers"), errors);
  if (spec.hostnetwork()) {
    ValidateHostNetworkPorts(spec, owner.is_pod, path.Child("containers"), errors);
  }
  CheckRequiredOneOf(errors, path.Child("restartPolicy"), spec.restartpolicy(), kRestartPolicies);
  CheckRequiredOneOf(errors, path.Child("dnsPolicy"), spec.dnspolicy(), kDNSPolicies);
  ValidateLabelMap(spec.nodeselector(), path.Child("nodeSelector"), errors);
  ValidatePodSecurityContext(spec, path.Child("securityContext"), errors);
  if (spec.has_affinity()) ValidateAffinity(spec.affinity(), path.Child("affinity"), errors);
  ValidateDNSConfig(spec, path.Child("dnsConfig"), errors);
  ValidateGates(spec, path, errors);
  ValidateTopologySpread(spec.topologyspreadconstraints(), path.Child("topologySpreadConstraints"),
                         errors);
  ValidateNames(spec, path, errors);
  if (spec.has_activedeadlineseconds()) {
    int64_t seconds = spec.activedeadlineseconds();
    AddReasons(errors, path.Child("activeDeadlineSeconds"), seconds,
               api::IsInRange(seconds, 1, std::numeric_limits<int32_t>::max()));
  }
  ValidateTolerations(spec.tolerations(), path.Child("tolerations"), errors);
  ValidateHostAliases(spec, path.Child("hostAliases"), errors);
  if (spec.has_preemptionpolicy()) {
    CheckRequiredOneOf(errors, path.Child("preemptionPolicy"), spec.preemptionpolicy(),
                       kPreemptionPolicies);
  }
  if (!spec.overhead().empty()) ValidateOverhead(spec.overhead(), path.Child("overhead"), errors);
  ValidatePodOS(spec, path, errors);
}

void ValidatePodTemplate(const api::core::v1::PodTemplateSpec& pod_template, const FieldPath& path,
                         ErrorList& errors) {
  const auto& metadata = pod_template.metadata();
  ValidateLabelMap(metadata.labels(), path.Child("metadata", "labels"), errors);
  ValidateAnnotations(Sorted(metadata.annotations()), path.Child("metadata", "annotations"),
                      errors);
  ValidatePodSpec(pod_template.spec(), {}, path.Child("spec"), errors);
  if (pod_template.spec().ephemeralcontainers_size() > 0) {
    errors.Forbidden(path.Child("spec", "ephemeralContainers"),
                     "ephemeral containers not allowed in pod template");
  }
}

void ValidatePodAlways(const Pod& pod, ErrorList& errors) {
  FieldPath path("spec");
  ValidatePodAnnotations(pod, errors);
  ValidatePodSpec(pod.spec(), {.is_pod = true, .pod_name = pod.metadata().name()}, path, errors);
  ForbidTokensWithoutAccount(pod.spec(), path, errors);
}

ErrorList ValidatePodCreate(const Pod& pod) {
  ErrorList errors;
  ValidatePodAlways(pod, errors);
  FieldPath path("spec");
  if (pod.spec().ephemeralcontainers_size() > 0) {
    errors.Forbidden(path.Child("ephemeralContainers"), "cannot be set on create");
  }
  if (!pod.spec().nodename().empty() && pod.spec().schedulinggates_size() > 0) {
    errors.Forbidden(path.Child("nodeName"),
                     "cannot be set until all schedulingGates have been cleared");
  }
  return errors;
}

void ValidatePodAnnotationsUpdate(const Pod& pod, const Pod& old, ErrorList& errors) {
  FieldPath path = FieldPath("metadata").Child("annotations");
  const auto& now = pod.metadata().annotations();
  const auto& before = old.metadata().annotations();
  for (const auto& [key, value] : before) {
    if (!IsPinned(key)) continue;
    auto found = now.find(key);
    if (found != now.end() && found->second == value) continue;
    errors.Forbidden(path.Key(key), "may not remove or update " + std::string(PinnedName(key)));
  }
  for (const auto& [key, value] : now) {
    if (!IsPinned(key) || before.contains(key)) continue;
    errors.Forbidden(path.Key(key), "may not add " + std::string(PinnedName(key)));
  }
}

}  // namespace wherry::apiserver::registry
