#include "apiserver/registry/core/name_set.h"
#include "apiserver/registry/core/pod_validation_parts.h"
#include "lib/api/validation.h"
#include "proto/api/core/v1.pb.h"

#include <set>
#include <string>

namespace wherry::apiserver::registry {

namespace {

constexpr std::string_view kMessagePolicies[] = {"File", "FallbackToLogsOnError"};
constexpr std::string_view kPullPolicies[] = {"Always", "IfNotPresent", "Never"};
constexpr std::string_view kContainerRestartPolicies[] = {"Always"};
constexpr std::string_view kResizeResources[] = {"cpu", "memory"};
constexpr std::string_view kResizePolicies[] = {"NotRequired", "RestartContainer"};
constexpr std::string_view kOnlySidecars =
    "may not be set for init containers without restartPolicy=Always";
constexpr std::string_view kNotEphemeral = "cannot be set for an Ephemeral Container";

void ValidatePorts(const List<v1::ContainerPort>& ports, const FieldPath& path, ErrorList& errors) {
  NameSet names;
  for (int i = 0; i < ports.size(); ++i) {
    const v1::ContainerPort& port = ports[i];
    FieldPath at = path.Index(i);
    if (!port.name().empty()) {
      auto reasons = api::IsValidPortName(port.name());
      AddReasons(errors, at.Child("name"), port.name(), reasons);
      if (reasons.empty() && !names.Insert(port.name())) {
        errors.Duplicate(at.Child("name"), port.name());
      }
    }
    if (port.containerport() == 0) {
      errors.Required(at.Child("containerPort"));
    } else {
      AddReasons(errors, at.Child("containerPort"), port.containerport(),
                 api::IsValidPortNum(port.containerport()));
    }
    if (port.hostport() != 0) {
      AddReasons(errors, at.Child("hostPort"), port.hostport(),
                 api::IsValidPortNum(port.hostport()));
    }
    CheckRequiredOneOf(errors, at.Child("protocol"), port.protocol(), kProtocols);
  }
}

void ValidateResizePolicy(const List<v1::ContainerResizePolicy>& policies, const FieldPath& path,
                          ErrorList& errors) {
  NameSet names;
  for (int i = 0; i < policies.size(); ++i) {
    if (!names.Insert(policies[i].resourcename())) {
      errors.Duplicate(path.Index(i), policies[i].resourcename());
    }
    CheckRequiredOneOf(errors, path, policies[i].resourcename(), kResizeResources);
    CheckRequiredOneOf(errors, path, policies[i].restartpolicy(), kResizePolicies);
  }
}

// Container and EphemeralContainerCommon.
template <typename Container>
void ValidateCommon(const Container& container, const VolumeTable& volumes, const FieldPath& path,
                    ErrorList& errors) {
  if (container.name().empty()) {
    errors.Required(path.Child("name"));
  } else {
    CheckDNS1123Label(errors, path.Child("name"), container.name());
  }
  CheckRequired(errors, path.Child("image"), container.image());
  CheckRequiredOneOf(errors, path.Child("terminationMessagePolicy"),
                     container.terminationmessagepolicy(), kMessagePolicies);
  ValidatePorts(container.ports(), path.Child("ports"), errors);
  ValidateEnv(container.env(), path.Child("env"), errors);
  ValidateEnvFrom(container.envfrom(), path.Child("envFrom"), errors);
  ValidateVolumeMounts(container.volumemounts(), container.volumedevices(), volumes,
                       container.securitycontext().privileged(), path.Child("volumeMounts"),
                       errors);
  ValidateVolumeDevices(container.volumedevices(), container.volumemounts(), volumes,
                        path.Child("volumeDevices"), errors);
  CheckRequiredOneOf(errors, path.Child("imagePullPolicy"), container.imagepullpolicy(),
                     kPullPolicies);
  ValidateResourceRequirements(container.resources(), path.Child("resources"), errors);
  ValidateResizePolicy(container.resizepolicy(), path.Child("resizePolicy"), errors);
  if (container.has_securitycontext()) {
    ValidateSecurityContext(container.securitycontext(), path.Child("securityContext"), errors);
  }
}

void ValidateHooksAndProbes(const v1::Container& container, const FieldPath& path,
                            ErrorList& errors) {
  if (container.has_lifecycle()) {
    ValidateLifecycle(container.lifecycle(), path.Child("lifecycle"), errors);
  }
  if (container.has_livenessprobe()) {
    ValidateProbe(container.livenessprobe(), ProbeKind::kLiveness, path.Child("livenessProbe"),
                  errors);
  }
  if (container.has_readinessprobe()) {
    ValidateProbe(container.readinessprobe(), ProbeKind::kReadiness, path.Child("readinessProbe"),
                  errors);
  }
  if (container.has_startupprobe()) {
    ValidateProbe(container.startupprobe(), ProbeKind::kStartup, path.Child("startupProbe"),
                  errors);
  }
}

template <typename Container>
void ForbidHooksAndProbes(const Container& container, std::string_view why, const FieldPath& path,
                          ErrorList& errors) {
  if (container.has_lifecycle()) errors.Forbidden(path.Child("lifecycle"), why);
  if (container.has_livenessprobe()) errors.Forbidden(path.Child("livenessProbe"), why);
  if (container.has_readinessprobe()) errors.Forbidden(path.Child("readinessProbe"), why);
  if (container.has_startupprobe()) errors.Forbidden(path.Child("startupProbe"), why);
}

// Every host port once, over all the containers that run at the same time.
void ValidateHostPorts(const v1::Container& container, std::set<std::string>& taken,
                       const FieldPath& path, ErrorList& errors) {
  for (int i = 0; i < container.ports_size(); ++i) {
    const auto& port = container.ports(i);
    if (port.hostport() == 0) continue;
    std::string key = port.protocol() + "/" + port.hostip() + "/" + std::to_string(port.hostport());
    if (!taken.insert(key).second) {
      errors.Duplicate(path.Child("ports").Index(i).Child("hostPort"), key);
    }
  }
}

}  // namespace

void ValidateImageOfPod(std::string_view image, const FieldPath& path, ErrorList& errors) {
  constexpr std::string_view kSpaces = " \t\n\r\v\f";
  if (image.empty() || (kSpaces.find(image.front()) == std::string_view::npos &&
                        kSpaces.find(image.back()) == std::string_view::npos)) {
    return;
  }
  errors.Invalid(path.Child("image"), image, "must not have leading or trailing whitespace");
}

void ValidateContainers(const v1::PodSpec& spec, const VolumeTable& volumes,
                        const PodSpecOwner& owner, const FieldPath& path, ErrorList& errors) {
  if (spec.containers_size() == 0) return errors.Required(path);
  NameSet names;
  std::set<std::string> host_ports;
  for (int i = 0; i < spec.containers_size(); ++i) {
    const v1::Container& container = spec.containers(i);
    FieldPath at = path.Index(i);
    ValidateCommon(container, volumes, at, errors);
    if (!names.Insert(container.name())) errors.Duplicate(at.Child("name"), container.name());
    ValidateHooksAndProbes(container, at, errors);
    if (container.has_restartpolicy()) {
      errors.Forbidden(at.Child("restartPolicy"), "may not be set for non-init containers");
    }
    ValidateHostPorts(container, host_ports, at, errors);
    if (owner.is_pod) ValidateImageOfPod(container.image(), at, errors);
  }
}

void ValidateInitContainers(const v1::PodSpec& spec, const VolumeTable& volumes,
                            const PodSpecOwner& owner, const FieldPath& path, ErrorList& errors) {
  if (spec.initcontainers_size() == 0) return;
  NameSet names;
  for (const auto& container : spec.containers()) names.Insert(container.name());
  for (int i = 0; i < spec.initcontainers_size(); ++i) {
    const v1::Container& container = spec.initcontainers(i);
    FieldPath at = path.Index(i);
    ValidateCommon(container, volumes, at, errors);
    if (container.has_restartpolicy()) {
      CheckOneOf(errors, at.Child("restartPolicy"), container.restartpolicy(),
                 kContainerRestartPolicies);
    }
    if (!container.name().empty() && !names.Insert(container.name())) {
      errors.Duplicate(at.Child("name"), container.name());
    }
    std::set<std::string> host_ports;  // init containers run one by one
    ValidateHostPorts(container, host_ports, at, errors);
    if (container.restartpolicy() == "Always") {
      ValidateHooksAndProbes(container, at, errors);
    } else {
      ForbidHooksAndProbes(container, kOnlySidecars, at, errors);
    }
    if (container.resizepolicy_size() > 0) {
      errors.Invalid(at.Child("resizePolicy"), "", "must not be set for init containers");
    }
    if (owner.is_pod) ValidateImageOfPod(container.image(), at, errors);
  }
}

void ValidateEphemeralContainers(const v1::PodSpec& spec, const VolumeTable& volumes,
                                 const FieldPath& path, ErrorList& errors) {
  if (spec.ephemeralcontainers_size() == 0) return;
  NameSet targets;
  NameSet names;
  for (const auto* containers : {&spec.containers(), &spec.initcontainers()}) {
    for (const auto& container : *containers) {
      targets.Insert(container.name());
      names.Insert(container.name());
    }
  }
  for (int i = 0; i < spec.ephemeralcontainers_size(); ++i) {
    const auto& container = spec.ephemeralcontainers(i).ephemeralcontainercommon();
    const std::string& target = spec.ephemeralcontainers(i).targetcontainername();
    FieldPath at = path.Index(i);
    ValidateCommon(container, volumes, at, errors);
    ValidateImageOfPod(container.image(), at, errors);
    if (!names.Insert(container.name())) errors.Duplicate(at.Child("name"), container.name());
    if (!target.empty() && !targets.Contains(target)) {
      errors.NotFound(at.Child("targetContainerName"), target);
    }
    if (container.ports_size() > 0) errors.Forbidden(at.Child("ports"), kNotEphemeral);
    if (!container.resources().limits().empty() || !container.resources().requests().empty()) {
      errors.Forbidden(at.Child("resources"), kNotEphemeral);
    }
    if (container.resizepolicy_size() > 0) {
      errors.Forbidden(at.Child("resizePolicy"), kNotEphemeral);
    }
    if (container.has_restartpolicy()) {
      errors.Forbidden(at.Child("restartPolicy"), kNotEphemeral);
    }
    ForbidHooksAndProbes(container, kNotEphemeral, at, errors);
    for (int m = 0; m < container.volumemounts_size(); ++m) {
      const auto& mount = container.volumemounts(m);
      FieldPath mount_path = at.Child("volumeMounts").Index(m);
      if (!mount.subpath().empty()) errors.Forbidden(mount_path.Child("subPath"), kNotEphemeral);
      if (!mount.subpathexpr().empty()) {
        errors.Forbidden(mount_path.Child("subPathExpr"), kNotEphemeral);
      }
    }
  }
}

}  // namespace wherry::apiserver::registry
