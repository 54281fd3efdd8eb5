#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/name_set.h"
#include "apiserver/registry/core/pod_validation.h"
#include "apiserver/registry/core/pod_validation_parts.h"
#include "lib/api/codec.h"
#include "lib/api/validation.h"
#include "proto/api/core/v1.pb.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <map>

// What of a pod may change. Source: pkg/apis/core/validation ValidatePodUpdate.
namespace wherry::apiserver::registry {

using api::core::v1::Container;
using api::core::v1::Pod;
using api::core::v1::PodSpec;
using api::core::v1::Toleration;

namespace {

constexpr std::string_view kOnlyThese =
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

// Whether the lists are of the same length; then their images are looked at.
bool ValidateContainerUpdates(const List<Container>& containers, const List<Container>& old,
                              const FieldPath& path, ErrorList& errors) {
  if (containers.size() != old.size()) {
    errors.Forbidden(path, "pod updates may not add or remove containers");
    return false;
  }
  for (int i = 0; i < containers.size(); ++i) {
    CheckRequired(errors, path.Index(i).Child("image"), containers[i].image());
    ValidateImageOfPod(containers[i].image(), path.Index(i), errors);
  }
  return true;
}

// From nothing to a deadline, or to an earlier one. False stops the validation.
bool ValidateDeadlineUpdate(const PodSpec& spec, const PodSpec& old, ErrorList& errors) {
  FieldPath path = FieldPath("spec").Child("activeDeadlineSeconds");
  if (!spec.has_activedeadlineseconds()) {
    if (old.has_activedeadlineseconds()) {
      errors.Invalid(path, nullptr, "must not update from a positive integer to nil value");
    }
    return true;
  }
  int64_t seconds = spec.activedeadlineseconds();
  auto reasons = api::IsInRange(seconds, 0, std::numeric_limits<int32_t>::max());
  AddReasons(errors, path, seconds, reasons);
  if (!reasons.empty()) return false;
  if (!old.has_activedeadlineseconds() || seconds <= old.activedeadlineseconds()) return true;
  errors.Invalid(path, seconds, "must be less than or equal to previous value");
  return false;
}

bool SameButSeconds(const Toleration& a, const Toleration& b) {
  return a.key() == b.key() && a.operator_() == b.operator_() && a.value() == b.value() &&
         a.effect() == b.effect();
}

void ValidateTolerationsUpdate(const PodSpec& spec, const PodSpec& old, ErrorList& errors) {
  FieldPath path = FieldPath("spec").Child("tolerations");
  const auto& now = spec.tolerations();
  bool all_kept = std::all_of(
      old.tolerations().begin(), old.tolerations().end(), [&now](const Toleration& before) {
        return std::any_of(now.begin(), now.end(), [&before](const Toleration& toleration) {
          return SameButSeconds(toleration, before);
        });
      });
  if (!all_kept) {
    errors.Forbidden(path, "existing toleration can not be modified except its tolerationSeconds");
  }
}

void ValidateSchedulingGatesUpdate(const PodSpec& spec, const PodSpec& old, ErrorList& errors) {
  FieldPath path = FieldPath("spec").Child("schedulingGates");
  NameSet before;
  for (const auto& gate : old.schedulinggates()) before.Insert(gate.name());
  for (int i = 0; i < spec.schedulinggates_size(); ++i) {
    const std::string& name = spec.schedulinggates(i).name();
    if (before.Contains(name)) continue;
    errors.Forbidden(path.Index(i).Child("name"),
                     "only deletion is allowed, but found new scheduling gate '" + name + "'");
  }
}

// While a pod waits behind gates its placement may be narrowed. Labels of the node selector may be
// added.
void ValidateGatedNodeSelector(const PodSpec& spec, const PodSpec& old, ErrorList& errors) {
  for (const auto& [key, value] : old.nodeselector()) {
    auto found = spec.nodeselector().find(key);
    if (found != spec.nodeselector().end() && found->second == value) continue;
    std::map<std::string, std::string> shown(spec.nodeselector().begin(),
                                             spec.nodeselector().end());
    errors.Invalid(FieldPath("spec").Child("nodeSelector"),
                   api::field::BadValue::Raw(json::Dump(nlohmann::json(shown))),
                   "only additions to spec.nodeSelector are allowed (no mutations or deletions)");
    return;
  }
}

// The spec with everything that may change set back to what it was.
PodSpec WithoutAllowedChanges(const PodSpec& spec, const PodSpec& old) {
  PodSpec rest = spec;
  for (int i = 0; i < rest.containers_size(); ++i) {
    rest.mutable_containers(i)->set_image(old.containers(i).image());
  }
  for (int i = 0; i < rest.initcontainers_size(); ++i) {
    rest.mutable_initcontainers(i)->set_image(old.initcontainers(i).image());
  }
  rest.clear_activedeadlineseconds();
  if (old.has_activedeadlineseconds()) {
    rest.set_activedeadlineseconds(old.activedeadlineseconds());
  }
  *rest.mutable_tolerations() = old.tolerations();
  *rest.mutable_schedulinggates() = old.schedulinggates();
  if (old.terminationgraceperiodseconds() < 0 && rest.terminationgraceperiodseconds() == 1) {
    rest.set_terminationgraceperiodseconds(old.terminationgraceperiodseconds());
  }
  if (old.schedulinggates_size() > 0) *rest.mutable_nodeselector() = old.nodeselector();
  return rest;
}

// One line per member of the spec that differs.
std::string Differences(const PodSpec& spec, const PodSpec& old) {
  nlohmann::json now = api::ToDocument(spec);
  nlohmann::json before = api::ToDocument(old);
  nlohmann::json names = before;
  names.update(now);
  std::string text;
  for (const auto& [name, ignored] : names.items()) {
    nlohmann::json left = before.value(name, nlohmann::json());
    nlohmann::json right = now.value(name, nlohmann::json());
    if (left == right) continue;
    text += "- spec." + name + ": " + json::Dump(left) + "\n";
    text += "+ spec." + name + ": " + json::Dump(right) + "\n";
  }
  return text;
}

}  // namespace

ErrorList ValidatePodUpdate(const Pod& pod, const Pod& old) {
  ErrorList errors;
  ValidatePodAlways(pod, errors);
  ValidatePodAnnotationsUpdate(pod, old, errors);
  const PodSpec& spec = pod.spec();
  FieldPath path("spec");
  if (!ValidateContainerUpdates(spec.containers(), old.spec().containers(),
                                path.Child("containers"), errors) ||
      !ValidateContainerUpdates(spec.initcontainers(), old.spec().initcontainers(),
                                path.Child("initContainers"), errors) ||
      !ValidateDeadlineUpdate(spec, old.spec(), errors)) {
    return errors;
  }
  ValidateTolerationsUpdate(spec, old.spec(), errors);
  ValidateSchedulingGatesUpdate(spec, old.spec(), errors);
  if (SemanticEqual(spec, old.spec())) return errors;
  if (old.spec().schedulinggates_size() > 0) ValidateGatedNodeSelector(spec, old.spec(), errors);
  PodSpec rest = WithoutAllowedChanges(spec, old.spec());
  if (SemanticEqual(rest, old.spec())) return errors;
  errors.Forbidden(path, std::string(kOnlyThese) + "\n" + Differences(rest, old.spec()));
  return errors;
}

}  // namespace wherry::apiserver::registry
