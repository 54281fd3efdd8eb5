#include "apiserver/registry/core/pod_warnings.h"

#include "apiserver/registry/core/name_set.h"
#include "lib/api/quantity.h"
#include "lib/api/validation.h"
#include "proto/api/core/v1.pb.h"

#include <map>

namespace wherry::apiserver::registry {

using api::core::v1::Container;
using api::core::v1::PodSpec;

namespace {

void Warn(const FieldPath& path, const std::string& text, Warnings& warnings) {
  api::field::Path full = path;
  warnings.push_back(full.String() + ": " + text);
}

struct Replaced {
  std::string_view old_name;
  std::string_view since;
  std::string_view new_name;
};
constexpr Replaced kOldLabels[] = {
    {"beta.kubernetes.io/arch", "v1.14", "kubernetes.io/arch"},
    {"beta.kubernetes.io/os", "v1.14", "kubernetes.io/os"},
    {"failure-domain.beta.kubernetes.io/region", "v1.17", "topology.kubernetes.io/region"},
    {"failure-domain.beta.kubernetes.io/zone", "v1.17", "topology.kubernetes.io/zone"},
    {"beta.kubernetes.io/instance-type", "v1.17", "node.kubernetes.io/instance-type"},
};

// "" for a label that is not deprecated.
std::string DeprecatedLabel(std::string_view label) {
  for (const auto& [old_name, since, new_name] : kOldLabels) {
    if (label == old_name) {
      return "deprecated since " + std::string(since) + "; use \"" + std::string(new_name) +
             "\" instead";
    }
  }
  return "";
}

void WarnOfSpreads(const PodSpec& spec, const FieldPath& path, Warnings& warnings) {
  for (int i = 0; i < spec.topologyspreadconstraints_size(); ++i) {
    const auto& constraint = spec.topologyspreadconstraints(i);
    FieldPath at = path.Child("topologySpreadConstraints").Index(i);
    std::string deprecated = DeprecatedLabel(constraint.topologykey());
    if (!deprecated.empty()) {
      Warn(at.Child("topologyKey"), constraint.topologykey() + " is " + deprecated, warnings);
    }
    if (!constraint.has_labelselector()) {
      Warn(at.Child("labelSelector"), "a null labelSelector results in matching no pod", warnings);
    }
  }
}

void WarnOfVolumes(const PodSpec& spec, const FieldPath& path, Warnings& warnings) {
  for (int i = 0; i < spec.volumes_size(); ++i) {
    const auto& source = spec.volumes(i).volumesource();
    auto warn_if = [&](bool present, std::string_view kind, const char* text) {
      if (present) Warn(path.Child("volumes").Index(i).Child(kind), text, warnings);
    };
    warn_if(source.has_photonpersistentdisk(), "photonPersistentDisk",
            "deprecated in v1.11, non-functional in v1.16+");
    warn_if(source.has_gitrepo(), "gitRepo", "deprecated in v1.11");
    warn_if(source.has_scaleio(), "scaleIO", "deprecated in v1.16, non-functional in v1.22+");
    warn_if(source.has_flocker(), "flocker", "deprecated in v1.22, non-functional in v1.25+");
    warn_if(source.has_storageos(), "storageOS", "deprecated in v1.22, non-functional in v1.25+");
    warn_if(source.has_quobyte(), "quobyte", "deprecated in v1.22, non-functional in v1.25+");
    warn_if(source.has_glusterfs(), "glusterfs", "deprecated in v1.25, non-functional in v1.26+");
    warn_if(source.has_cephfs(), "cephfs", "deprecated in v1.28, non-functional in v1.31+");
    warn_if(source.has_rbd(), "rbd", "deprecated in v1.28, non-functional in v1.31+");
  }
}

void WarnOfRepetitions(const PodSpec& spec, const FieldPath& path, Warnings& warnings) {
  NameSet addresses;
  for (int i = 0; i < spec.hostaliases_size(); ++i) {
    const std::string& ip = spec.hostaliases(i).ip();
    if (addresses.Insert(ip)) continue;
    Warn(path.Child("hostAliases").Index(i).Child("ip"), "duplicate ip \"" + ip + "\"", warnings);
  }
  NameSet secrets;
  for (int i = 0; i < spec.imagepullsecrets_size(); ++i) {
    const std::string& name = spec.imagepullsecrets(i).name();
    FieldPath at = path.Child("imagePullSecrets").Index(i).Child("name");
    if (!secrets.Insert(name)) Warn(at, "duplicate name \"" + name + "\"", warnings);
    if (name.empty()) Warn(at, "invalid empty name \"\"", warnings);
  }
}

// A later definition is fine when it builds on the earlier one.
void WarnOfHiddenVariables(const Container& container, const FieldPath& path, Warnings& warnings) {
  NameSet names;
  for (int i = 0; i < container.env_size(); ++i) {
    const auto& variable = container.env(i);
    if (names.Insert(variable.name())) continue;
    std::string reference = "$(" + variable.name() + ")";
    bool builds_on_it = !variable.has_valuefrom() && variable.value() != reference &&
                        variable.value().find(reference) != std::string::npos;
    if (builds_on_it) continue;
    Warn(path.Child("env").Index(i), "hides previous definition of \"" + variable.name() + "\"",
         warnings);
  }
}

template <typename List>
void WarnOfFractions(const List& list, const FieldPath& path, Warnings& warnings) {
  for (const char* name : {"memory", "ephemeral-storage"}) {
    auto found = list.find(name);
    if (found == list.end()) continue;
    api::Quantity quantity = api::Quantity::From(found->second);
    if (quantity.MilliValue() % 1000 == 0) continue;
    Warn(path.Key(name),
         "fractional byte value \"" + quantity.String() + "\" is invalid, must be an integer",
         warnings);
  }
}

// Container ports seen so far, by number and protocol.
using Ports = std::multimap<std::pair<int32_t, std::string_view>,
                            std::pair<FieldPath, const api::core::v1::ContainerPort*>>;

void WarnOfPorts(const Container& container, const FieldPath& path, Ports& ports,
                 Warnings& warnings) {
  for (int i = 0; i < container.ports_size(); ++i) {
    const auto& port = container.ports(i);
    FieldPath at = path.Child("ports").Index(i);
    auto key = std::pair<int32_t, std::string_view>(port.containerport(), port.protocol());
    auto [first, last] = ports.equal_range(key);
    for (auto it = first; it != last; ++it) {
      const auto& [other_path, other] = it->second;
      std::string where = api::field::Path(other_path).String();
      if (port.hostip() == other->hostip() && port.hostport() == other->hostport()) {
        Warn(at, "duplicate port definition with " + where, warnings);
      } else if (port.hostport() == 0 || other->hostport() == 0) {
        Warn(at, "overlapping port definition with " + where, warnings);
      } else if (port.hostport() == other->hostport() &&
                 port.hostip().empty() != other->hostip().empty()) {
        Warn(at, "dangerously ambiguous port definition with " + where, warnings);
      }
    }
    ports.emplace(key, std::pair<FieldPath, const api::core::v1::ContainerPort*>(at, &port));
  }
}

template <typename Affinity>
void WarnOfNullSelectors(const Affinity& affinity, const FieldPath& path, Warnings& warnings) {
  auto check = [&warnings](const api::core::v1::PodAffinityTerm& term, const FieldPath& at) {
    if (term.has_labelselector()) return;
    Warn(at.Child("labelSelector"), "a null labelSelector results in matching no pod", warnings);
  };
  const auto& required = affinity.requiredduringschedulingignoredduringexecution();
  for (int i = 0; i < required.size(); ++i) {
    check(required[i], path.Child("requiredDuringSchedulingIgnoredDuringExecution").Index(i));
  }
  const auto& preferred = affinity.preferredduringschedulingignoredduringexecution();
  for (int i = 0; i < preferred.size(); ++i) {
    check(preferred[i].podaffinityterm(),
          path.Child("preferredDuringSchedulingIgnoredDuringExecution")
              .Index(i)
              .Child("podAffinityTerm"));
  }
}

}  // namespace

void AddNameWarning(std::string_view name, std::string_view used_in, Warnings& warnings) {
  auto reasons = api::IsDNS1123Label(name);
  if (reasons.empty()) return;
  std::string list;
  for (const auto& reason : reasons) list += (list.empty() ? "" : " ") + reason;
  warnings.push_back("metadata.name: this is used in " + std::string(used_in) +
                     ", which can result in surprising behavior; a DNS label is recommended: [" +
                     list + "]");
}

void AddPodSpecWarnings(const PodSpec& spec, const FieldPath& path, Warnings& warnings) {
  for (const auto& [key, value] : spec.nodeselector()) {
    std::string deprecated = DeprecatedLabel(key);
    if (!deprecated.empty()) Warn(path.Child("nodeSelector").Key(key), deprecated, warnings);
  }
  WarnOfSpreads(spec, path, warnings);
  WarnOfVolumes(spec, path, warnings);
  WarnOfRepetitions(spec, path, warnings);
  WarnOfFractions(spec.overhead(), path.Child("overhead"), warnings);
  Ports ports;
  auto look_at = [&](const auto& containers, std::string_view field) {
    for (int i = 0; i < containers.size(); ++i) {
      const Container& container = containers[i];
      FieldPath at = path.Child(field).Index(i);
      WarnOfFractions(container.resources().limits(), at.Child("resources", "limits"), warnings);
      WarnOfFractions(container.resources().requests(), at.Child("resources", "requests"),
                      warnings);
      WarnOfHiddenVariables(container, at, warnings);
      WarnOfPorts(container, at, ports, warnings);
    }
  };
  look_at(spec.initcontainers(), "initContainers");
  look_at(spec.containers(), "containers");
  if (spec.terminationgraceperiodseconds() < 0) {
    Warn(path.Child("terminationGracePeriodSeconds"),
         "must be >= 0; negative values are invalid and will be treated as 1", warnings);
  }
  if (!spec.has_affinity()) return;
  FieldPath affinity = path.Child("affinity");
  WarnOfNullSelectors(spec.affinity().podaffinity(), affinity.Child("podAffinity"), warnings);
  WarnOfNullSelectors(spec.affinity().podantiaffinity(), affinity.Child("podAntiAffinity"),
                      warnings);
}

}  // namespace wherry::apiserver::registry
