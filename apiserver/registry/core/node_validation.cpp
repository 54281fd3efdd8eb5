#include "apiserver/registry/core/node_validation.h"

#include "apiserver/registry/core/go_syntax.h"
#include "apiserver/registry/core/name_set.h"
#include "apiserver/registry/core/pod_validation_parts.h"
#include "apiserver/registry/core/resource_lists.h"
#include "lib/api/quantity.h"
#include "lib/api/validation.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <set>

namespace wherry::apiserver::registry {

using api::core::v1::Node;

namespace {

void ValidateTaints(const Node& node, const FieldPath& path, ErrorList& errors) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (int i = 0; i < node.spec().taints_size(); ++i) {
    const auto& taint = node.spec().taints(i);
    FieldPath at = path.Index(i);
    CheckQualifiedName(errors, at.Child("key"), taint.key());
    AddReasons(errors, at.Child("value"), taint.value(), api::IsValidLabelValue(taint.value()));
    CheckRequiredOneOf(errors, at.Child("effect"), taint.effect(), kTaintEffects);
    if (!seen.emplace(taint.key(), taint.effect()).second) {
      errors.Duplicate(
          at, api::field::BadValue::Raw(R"(core.Taint{Key:")" + taint.key() + R"(", Value:")" +
                                        taint.value() + R"(", Effect:")" + taint.effect() +
                                        R"(", TimeAdded:<nil>})"));
    }
  }
}

void ValidateQuantities(const ResourceList& list, const FieldPath& path, ErrorList& errors) {
  for (const auto& [name, value] : list) {
    api::Quantity quantity = api::Quantity::From(value);
    if (quantity.Sign() < 0) errors.Invalid(path.Child(name), quantity.String(), kIsNegative);
    bool whole = name == "pods" || IsExtendedResource(name);
    if (whole && quantity.MilliValue() % 1000 != 0) {
      errors.Invalid(path.Child(name), quantity.String(), "must be an integer");
    }
  }
}

void ValidateResources(const Node& node, ErrorList& errors) {
  FieldPath path("status");
  ValidateQuantities(node.status().capacity(), path.Child("capacity"), errors);
  ValidateQuantities(node.status().allocatable(), path.Child("allocatable"), errors);
}

void ValidatePodCIDRs(const Node& node, ErrorList& errors) {
  const auto& cidrs = node.spec().podcidrs();
  FieldPath path = FieldPath("spec").Child("podCIDRs");
  NameSet seen;
  int ipv6 = 0;
  for (int i = 0; i < cidrs.size(); ++i) {
    if (!api::IsValidCIDR(cidrs[i]).empty()) {
      errors.Invalid(path.Index(i), GoList(cidrs), "must be valid CIDR");
    }
    if (!seen.Insert(cidrs[i])) errors.Duplicate(path.Index(i), cidrs[i]);
    ipv6 += cidrs[i].find(':') != std::string::npos ? 1 : 0;
  }
  if (cidrs.size() > 1 && (cidrs.size() > 2 || ipv6 != 1)) {
    errors.Invalid(path, GoList(cidrs), "may specify no more than one CIDR for each IP family");
  }
}

// Values that are set once: "" to something.
void ValidateSetOnce(const Node& node, const Node& old, ErrorList& errors) {
  FieldPath path("spec");
  const auto& cidrs = node.spec().podcidrs();
  const auto& before = old.spec().podcidrs();
  if (!before.empty() && !std::equal(cidrs.begin(), cidrs.end(), before.begin(), before.end())) {
    errors.Forbidden(path.Child("podCIDRs"),
                     "node updates may not change podCIDR except from \"\" to valid");
  }
  if (!old.spec().providerid().empty() && old.spec().providerid() != node.spec().providerid()) {
    errors.Forbidden(path.Child("providerID"),
                     "node updates may not change providerID except from \"\" to valid");
  }
  if (node.spec().externalid() != old.spec().externalid()) {
    errors.Forbidden(path.Child("externalID"), "may not be updated");
  }
}

}  // namespace

ErrorList ValidateNode(const Node& node) {
  ErrorList errors;
  // Upstream reports taints below metadata.
  ValidateTaints(node, FieldPath("metadata").Child("taints"), errors);
  ValidateResources(node, errors);
  ValidatePodCIDRs(node, errors);
  return errors;
}

ErrorList ValidateNodeUpdate(const Node& node, const Node& old) {
  ErrorList errors;
  ValidateResources(node, errors);
  std::set<std::pair<std::string_view, std::string_view>> addresses;
  for (int i = 0; i < node.status().addresses_size(); ++i) {
    const auto& address = node.status().addresses(i);
    if (addresses.emplace(address.type(), address.address()).second) continue;
    errors.Duplicate(FieldPath("status").Child("addresses").Index(i),
                     api::field::BadValue::Raw(R"(core.NodeAddress{Type:")" + address.type() +
                                               R"(", Address:")" + address.address() + R"("})"));
  }
  ValidateSetOnce(node, old, errors);
  return errors;
}

}  // namespace wherry::apiserver::registry
