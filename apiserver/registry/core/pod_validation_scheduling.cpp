#include "apiserver/registry/core/pod_validation_parts.h"
#include "apiserver/registry/core/selector_validation.h"
#include "lib/api/validation.h"
#include "proto/api/core/v1.pb.h"

#include <set>

namespace wherry::apiserver::registry {

namespace {

constexpr std::string_view kTolerationOperators[] = {"Equal", "Exists"};
constexpr std::string_view kActions[] = {"DoNotSchedule", "ScheduleAnyway"};
constexpr std::string_view kInclusionPolicies[] = {"Honor", "Ignore"};
constexpr std::string_view kNotAnOperator = "not a valid selector operator";
constexpr std::string_view kNotPositive = "must be greater than zero";

void ValidateRequirement(const v1::NodeSelectorRequirement& requirement, const FieldPath& path,
                         ErrorList& errors) {
  const std::string& op = requirement.operator_();
  FieldPath values = path.Child("values");
  int count = requirement.values_size();
  if (op == "In" || op == "NotIn") {
    if (count == 0) {
      errors.Required(values, "must be specified when `operator` is 'In' or 'NotIn'");
    }
  } else if (op == "Exists" || op == "DoesNotExist") {
    if (count > 0) {
      errors.Forbidden(values,
                       "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    }
  } else if (op == "Gt" || op == "Lt") {
    if (count != 1) {
      errors.Required(values, "must be specified single value when `operator` is 'Lt' or 'Gt'");
    }
  } else {
    errors.Invalid(path.Child("operator"), op, kNotAnOperator);
  }
  CheckQualifiedName(errors, path.Child("key"), requirement.key());
}

void ValidateFieldRequirement(const v1::NodeSelectorRequirement& requirement, const FieldPath& path,
                              ErrorList& errors) {
  const std::string& op = requirement.operator_();
  if (op != "In" && op != "NotIn") {
    errors.Invalid(path.Child("operator"), op, kNotAnOperator);
  } else if (requirement.values_size() != 1) {
    errors.Required(path.Child("values"),
                    "must be only one value when `operator` is 'In' or 'NotIn' for node field "
                    "selector");
  }
  if (requirement.key() != "metadata.name") {
    errors.Invalid(path.Child("key"), requirement.key(), "not a valid field selector key");
    return;
  }
  for (int i = 0; i < requirement.values_size(); ++i) {
    AddReasons(errors, path.Child("values").Index(i), requirement.values(i),
               api::NameIsDNSSubdomain(requirement.values(i), false));
  }
}

void ValidateWeight(int32_t weight, const FieldPath& path, ErrorList& errors) {
  if (weight < 1 || weight > 100) {
    errors.Invalid(path.Child("weight"), weight, "must be in the range 1-100");
  }
}

void ValidateNodeAffinity(const v1::NodeAffinity& affinity, const FieldPath& path,
                          ErrorList& errors) {
  if (affinity.has_requiredduringschedulingignoredduringexecution()) {
    const auto& terms =
        affinity.requiredduringschedulingignoredduringexecution().nodeselectorterms();
    FieldPath at =
        path.Child("requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms");
    if (terms.empty()) errors.Required(at, "must have at least one node selector term");
    for (int i = 0; i < terms.size(); ++i) ValidateNodeSelectorTerm(terms[i], at.Index(i), errors);
  }
  const auto& preferred = affinity.preferredduringschedulingignoredduringexecution();
  FieldPath at = path.Child("preferredDuringSchedulingIgnoredDuringExecution");
  for (int i = 0; i < preferred.size(); ++i) {
    ValidateWeight(preferred[i].weight(), at.Index(i), errors);
    ValidateNodeSelectorTerm(preferred[i].preference(), at.Index(i).Child("preference"), errors);
  }
}

void ValidateAffinityTerm(const v1::PodAffinityTerm& term, const FieldPath& path,
                          ErrorList& errors) {
  if (term.has_labelselector()) {
    ValidateLabelSelector(term.labelselector(), path.Child("labelSelector"), errors);
  }
  if (term.has_namespaceselector()) {
    ValidateLabelSelector(term.namespaceselector(), path.Child("namespaceSelector"), errors);
  }
  for (const auto& name : term.namespaces()) {
    AddReasons(errors, path.Child("namespace"), name, api::NameIsDNSLabel(name, false));
  }
  if (term.topologykey().empty()) {
    errors.Required(path.Child("topologyKey"), "can not be empty");
  }
  CheckQualifiedName(errors, path.Child("topologyKey"), term.topologykey());
}

// PodAffinity and PodAntiAffinity.
template <typename Affinity>
void ValidateTerms(const Affinity& affinity, const FieldPath& path, ErrorList& errors) {
  const auto& required = affinity.requiredduringschedulingignoredduringexecution();
  FieldPath required_path = path.Child("requiredDuringSchedulingIgnoredDuringExecution");
  for (int i = 0; i < required.size(); ++i) {
    ValidateAffinityTerm(required[i], required_path.Index(i), errors);
  }
  const auto& preferred = affinity.preferredduringschedulingignoredduringexecution();
  FieldPath preferred_path = path.Child("preferredDuringSchedulingIgnoredDuringExecution");
  for (int i = 0; i < preferred.size(); ++i) {
    FieldPath at = preferred_path.Index(i);
    ValidateWeight(preferred[i].weight(), at, errors);
    ValidateAffinityTerm(preferred[i].podaffinityterm(), at.Child("podAffinityTerm"), errors);
  }
}

std::string Join(const std::vector<std::string>& reasons) {
  std::string text;
  for (const std::string& reason : reasons) text += (text.empty() ? "" : ";") + reason;
  return text;
}

void ValidateMatchLabelKeys(const v1::TopologySpreadConstraint& constraint, const FieldPath& path,
                            ErrorList& errors) {
  if (constraint.matchlabelkeys_size() == 0) return;
  if (!constraint.has_labelselector()) {
    errors.Forbidden(path, "must not be specified when labelSelector is not set");
  }
  std::set<std::string_view> selected;
  for (const auto& [key, value] : constraint.labelselector().matchlabels()) selected.insert(key);
  for (const auto& expression : constraint.labelselector().matchexpressions()) {
    selected.insert(expression.key());
  }
  for (int i = 0; i < constraint.matchlabelkeys_size(); ++i) {
    const std::string& key = constraint.matchlabelkeys(i);
    CheckQualifiedName(errors, path.Index(i), key);
    if (selected.contains(key)) {
      errors.Invalid(path.Index(i), key, "exists in both matchLabelKeys and labelSelector");
    }
  }
}

void ValidateSpread(const v1::TopologySpreadConstraint& constraint, const FieldPath& path,
                    ErrorList& errors) {
  if (constraint.maxskew() <= 0) {
    errors.Invalid(path.Child("maxSkew"), constraint.maxskew(), kNotPositive);
  }
  CheckRequired(errors, path.Child("topologyKey"), constraint.topologykey(), "can not be empty");
  CheckOneOf(errors, path.Child("whenUnsatisfiable"), constraint.whenunsatisfiable(), kActions);
  if (constraint.has_mindomains()) {
    FieldPath at = path.Child("minDomains");
    if (constraint.mindomains() <= 0) errors.Invalid(at, constraint.mindomains(), kNotPositive);
    if (constraint.whenunsatisfiable() != "DoNotSchedule") {
      errors.Invalid(at, constraint.mindomains(),
                     "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not " +
                         constraint.whenunsatisfiable());
    }
  }
  if (constraint.has_nodeaffinitypolicy()) {
    CheckOneOf(errors, path.Child("nodeAffinityPolicy"), constraint.nodeaffinitypolicy(),
               kInclusionPolicies);
  }
  if (constraint.has_nodetaintspolicy()) {
    CheckOneOf(errors, path.Child("nodeTaintsPolicy"), constraint.nodetaintspolicy(),
               kInclusionPolicies);
  }
  ValidateMatchLabelKeys(constraint, path.Child("matchLabelKeys"), errors);
  if (constraint.has_labelselector()) {
    ValidateLabelSelector(constraint.labelselector(), path.Child("labelSelector"), errors);
  }
}

void ValidateToleration(const v1::Toleration& toleration, const FieldPath& path,
                        ErrorList& errors) {
  const std::string& op = toleration.operator_();
  FieldPath operator_path = path.Child("operator");
  if (!toleration.key().empty()) {
    CheckQualifiedName(errors, path.Child("key"), toleration.key());
  } else if (op != "Exists") {
    errors.Invalid(operator_path, op,
                   "operator must be Exists when `key` is empty, which means \"match all values "
                   "and all keys\"");
  }
  if (toleration.has_tolerationseconds() && toleration.effect() != "NoExecute") {
    errors.Invalid(path.Child("effect"), toleration.effect(),
                   "effect must be 'NoExecute' when `tolerationSeconds` is set");
  }
  if (op.empty() || op == "Equal") {
    auto reasons = api::IsValidLabelValue(toleration.value());
    if (!reasons.empty()) errors.Invalid(operator_path, toleration.value(), Join(reasons));
  } else if (op == "Exists") {
    if (!toleration.value().empty()) {
      errors.Invalid(operator_path, toleration.value(),
                     "value must be empty when `operator` is 'Exists'");
    }
  } else {
    CheckOneOf(errors, operator_path, op, kTolerationOperators);
  }
  if (!toleration.effect().empty()) {
    CheckOneOf(errors, path.Child("effect"), toleration.effect(), kTaintEffects);
  }
}

}  // namespace

void ValidateNodeSelectorTerm(const v1::NodeSelectorTerm& term, const FieldPath& path,
                              ErrorList& errors) {
  for (int i = 0; i < term.matchexpressions_size(); ++i) {
    ValidateRequirement(term.matchexpressions(i), path.Child("matchExpressions").Index(i), errors);
  }
  for (int i = 0; i < term.matchfields_size(); ++i) {
    ValidateFieldRequirement(term.matchfields(i), path.Child("matchFields").Index(i), errors);
  }
}

void ValidateAffinity(const v1::Affinity& affinity, const FieldPath& path, ErrorList& errors) {
  if (affinity.has_nodeaffinity()) {
    ValidateNodeAffinity(affinity.nodeaffinity(), path.Child("nodeAffinity"), errors);
  }
  if (affinity.has_podaffinity()) {
    ValidateTerms(affinity.podaffinity(), path.Child("podAffinity"), errors);
  }
  if (affinity.has_podantiaffinity()) {
    ValidateTerms(affinity.podantiaffinity(), path.Child("podAntiAffinity"), errors);
  }
}

void ValidateTolerations(const List<v1::Toleration>& tolerations, const FieldPath& path,
                         ErrorList& errors) {
  for (int i = 0; i < tolerations.size(); ++i) {
    ValidateToleration(tolerations[i], path.Index(i), errors);
  }
}

void ValidateTopologySpread(const List<v1::TopologySpreadConstraint>& constraints,
                            const FieldPath& path, ErrorList& errors) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (int i = 0; i < constraints.size(); ++i) {
    const auto& constraint = constraints[i];
    ValidateSpread(constraint, path.Index(i), errors);
    if (!seen.emplace(constraint.topologykey(), constraint.whenunsatisfiable()).second) {
      errors.Duplicate(
          path.Index(i).Child("{topologyKey, whenUnsatisfiable}"),
          "{" + constraint.topologykey() + ", " + constraint.whenunsatisfiable() + "}");
    }
  }
}

}  // namespace wherry::apiserver::registry
