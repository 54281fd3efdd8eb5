#include "apiserver/registry/core/selector_validation.h"

#include "lib/api/validation.h"
#include "proto/api/meta/v1.pb.h"

namespace wherry::apiserver::registry {

using api::meta::v1::LabelSelector;
using api::meta::v1::LabelSelectorRequirement;

void ValidateLabelMap(const StringMap& labels, const FieldPath& path, ErrorList& errors) {
  for (const auto& [key, value] : labels) {
    CheckQualifiedName(errors, path, key);
    AddReasons(errors, path, value, api::IsValidLabelValue(value));
  }
}

namespace {

void ValidateRequirement(const LabelSelectorRequirement& requirement, const FieldPath& path,
                         ErrorList& errors) {
  const std::string& op = requirement.operator_();
  FieldPath values = path.Child("values");
  if (op == "In" || op == "NotIn") {
    if (requirement.values_size() == 0) {
      errors.Required(values, "must be specified when `operator` is 'In' or 'NotIn'");
    }
  } else if (op == "Exists" || op == "DoesNotExist") {
    if (requirement.values_size() > 0) {
      errors.Forbidden(values,
                       "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    }
  } else {
    errors.Invalid(path.Child("operator"), op, "not a valid selector operator");
  }
  CheckQualifiedName(errors, path.Child("key"), requirement.key());
  for (int i = 0; i < requirement.values_size(); ++i) {
    AddReasons(errors, values.Index(i), requirement.values(i),
               api::IsValidLabelValue(requirement.values(i)));
  }
}

}  // namespace

void ValidateLabelSelector(const LabelSelector& selector, const FieldPath& path,
                           ErrorList& errors) {
  ValidateLabelMap(selector.matchlabels(), path.Child("matchLabels"), errors);
  FieldPath expressions = path.Child("matchExpressions");
  for (int i = 0; i < selector.matchexpressions_size(); ++i) {
    ValidateRequirement(selector.matchexpressions(i), expressions.Index(i), errors);
  }
}

}  // namespace wherry::apiserver::registry
