#include "apiserver/registry/core/pod_validation_parts.h"
#include "apiserver/registry/core/resource_lists.h"
#include "lib/api/quantity.h"
#include "lib/api/validation.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::apiserver::registry {

namespace {

using api::Quantity;

// Names without a domain that mean something somewhere in the API.
constexpr std::string_view kStandard[] = {"cpu",
                                          "memory",
                                          "ephemeral-storage",
                                          "requests.cpu",
                                          "requests.memory",
                                          "requests.ephemeral-storage",
                                          "limits.cpu",
                                          "limits.memory",
                                          "limits.ephemeral-storage",
                                          "pods",
                                          "resourcequotas",
                                          "services",
                                          "replicationcontrollers",
                                          "secrets",
                                          "configmaps",
                                          "persistentvolumeclaims",
                                          "storage",
                                          "requests.storage",
                                          "services.nodeports",
                                          "services.loadbalancers"};
constexpr size_t kStandardForContainers = 3;  // the first of them

bool IsStandard(std::string_view name, size_t count) {
  return std::find(std::begin(kStandard), std::begin(kStandard) + count, name) !=
         std::begin(kStandard) + count;
}

bool IsOvercommitAllowed(std::string_view name) {
  return IsNativeResource(name) && !IsHugePageResource(name);
}

void ValidateName(std::string_view name, const FieldPath& path, ErrorList& errors) {
  if (IsStandard(name, kStandardForContainers)) return;
  auto reasons = api::IsQualifiedName(name);
  AddReasons(errors, path, name, reasons);
  if (name.find('/') == std::string_view::npos) {
    if (IsHugePageResource(name)) return;
    if (reasons.empty() && !IsStandard(name, std::size(kStandard))) {
      errors.Invalid(path, name, "must be a standard resource type or fully qualified");
    }
    errors.Invalid(path, name, "must be a standard resource for containers");
  } else if (!IsNativeResource(name) && !IsExtendedResource(name)) {
    errors.Invalid(path, name, "doesn't follow extended resource name standard");
  }
}

bool IsMultipleOfPage(std::string_view name, const Quantity& quantity) {
  auto page = Quantity::Parse(name.substr(std::string_view("hugepages-").size()));
  if (!page.ok() || page->Sign() <= 0) return false;
  return quantity.Value() % page->Value() == 0;
}

// What a list of limits or requests holds.
struct Kinds {
  bool cpu_or_memory = false;
  bool huge_pages = false;
};

void ValidateEntry(std::string_view name, const Quantity& quantity, const FieldPath& path,
                   Kinds& kinds, ErrorList& errors) {
  ValidateName(name, path, errors);
  if (quantity.Sign() < 0) errors.Invalid(path, quantity.String(), kIsNegative);
  if (IsExtendedResource(name) && quantity.MilliValue() % 1000 != 0) {
    errors.Invalid(path, quantity.String(), "must be an integer");
  }
  if (name == "cpu" || name == "memory") kinds.cpu_or_memory = true;
  if (!IsHugePageResource(name)) return;
  kinds.huge_pages = true;
  if (!IsMultipleOfPage(name, quantity)) {
    errors.Invalid(path, quantity.String(),
                   quantity.String() + " is not positive integer multiple of " + std::string(name));
  }
}

void ValidateAgainstLimit(std::string_view name, const Quantity& request, const Quantity& limit,
                          const FieldPath& path, ErrorList& errors) {
  if (request == limit) return;
  std::string text = std::string(name) + " limit of " + limit.String();
  if (!IsOvercommitAllowed(name)) {
    errors.Invalid(path, request.String(), "must be equal to " + text);
  } else if (request > limit) {
    errors.Invalid(path, request.String(), "must be less than or equal to " + text);
  }
}

}  // namespace

void ValidateResourceRequirements(const v1::ResourceRequirements& requirements,
                                  const FieldPath& path, ErrorList& errors) {
  Kinds kinds;
  FieldPath limits = path.Child("limits");
  FieldPath requests = path.Child("requests");
  for (const auto& [name, value] : requirements.limits()) {
    ValidateEntry(name, Quantity::From(value), limits.Key(name), kinds, errors);
  }
  for (const auto& [name, value] : requirements.requests()) {
    Quantity request = Quantity::From(value);
    ValidateEntry(name, request, requests.Key(name), kinds, errors);
    auto limit = requirements.limits().find(name);
    if (limit != requirements.limits().end()) {
      ValidateAgainstLimit(name, request, Quantity::From(limit->second), requests, errors);
    } else if (!IsOvercommitAllowed(name)) {
      errors.Required(limits, "Limit must be set for non overcommitable resources");
    }
  }
  if (kinds.huge_pages && !kinds.cpu_or_memory) {
    errors.Forbidden(path, "HugePages require cpu or memory");
  }
}

void ValidateOverhead(const ResourceList& overhead, const FieldPath& path, ErrorList& errors) {
  v1::ResourceRequirements requirements;
  *requirements.mutable_limits() = overhead;
  ValidateResourceRequirements(requirements, path, errors);
}

}  // namespace wherry::apiserver::registry
