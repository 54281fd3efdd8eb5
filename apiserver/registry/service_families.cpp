#include "apiserver/registry/service_families.h"

#include "lib/api/field_error.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/meta/v1.pb.h"

#include <algorithm>

namespace wherry::apiserver::registry {

using api::core::v1::Service;
using api::core::v1::ServiceSpec;
using api::field::Path;

namespace {

constexpr const char* kSingleStack = "SingleStack";
constexpr const char* kPreferDualStack = "PreferDualStack";
constexpr const char* kRequireDualStack = "RequireDualStack";

template <typename List>
bool Same(const List& a, const List& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

bool IsHeadless(const ServiceSpec& spec) {
  return spec.clusterip() == "None" || (spec.clusterips_size() > 0 && spec.clusterips(0) == "None");
}

// Two families where the cluster has them, as before: nothing is added to it.
bool StillPrefersDualStack(const ServiceSpec& spec, const ServiceSpec& old) {
  return old.type() == spec.type() && spec.ipfamilypolicy() == kPreferDualStack &&
         (old.ipfamilypolicy().empty() || old.ipfamilypolicy() == kPreferDualStack) &&
         Same(spec.clusterips(), old.clusterips()) && Same(spec.ipfamilies(), old.ipfamilies());
}

std::string PolicyOf(const ServiceSpec& spec, const ServiceSpec* old) {
  if (!spec.ipfamilypolicy().empty()) return spec.ipfamilypolicy();
  if (old != nullptr && !old->ipfamilypolicy().empty()) return old->ipfamilypolicy();
  return IsHeadless(spec) && spec.selector().empty() ? kRequireDualStack : kSingleStack;
}

// What the policy says about how many families and addresses there are.
void CheckPolicy(const ServiceSpec& spec, const ServiceSpec* old, api::field::ErrorList& errors) {
  const Path path = Path("spec").Child("ipFamilyPolicy");
  const std::string& policy = spec.ipfamilypolicy();
  if (policy == kSingleStack) {
    constexpr std::string_view kMust = "must be 'RequireDualStack' or 'PreferDualStack' when ";
    if (spec.clusterips_size() == 2)
      errors.Invalid(path, policy, std::string(kMust) + "multiple cluster IPs are specified");
    if (spec.ipfamilies_size() == 2)
      errors.Invalid(path, policy, std::string(kMust) + "multiple IP families are specified");
  } else if (old != nullptr && spec.ipfamilies_size() > 0 &&
             spec.ipfamilies_size() < old->ipfamilies_size()) {
    errors.Invalid(path, policy, "must be 'SingleStack' to release the secondary IP family");
  }
}

// Of a Service that gets an address here, or whose endpoints are pods.
void CheckIsConfigured(const ServiceSpec& spec, api::field::ErrorList& errors) {
  if (spec.ipfamilypolicy() == kRequireDualStack) {
    errors.Invalid(Path("spec").Child("ipFamilyPolicy"), spec.ipfamilypolicy(),
                   "this cluster is not configured for dual-stack services");
  }
  for (int i = 0; i < spec.ipfamilies_size(); ++i) {
    if (spec.ipfamilies(i) != "IPv6") continue;
    errors.Invalid(Path("spec").Child("ipFamilies").Index(static_cast<size_t>(i)),
                   spec.ipfamilies(i), "not configured on this cluster");
  }
}

}  // namespace

Status CompleteServiceFamilies(Service& service, const Service* old_service) {
  ServiceSpec& spec = *service.mutable_spec();
  if (spec.type() == "ExternalName") return Ok();
  const ServiceSpec* old = old_service == nullptr ? nullptr : &old_service->spec();
  if (old != nullptr && StillPrefersDualStack(spec, *old)) return Ok();
  spec.set_ipfamilypolicy(PolicyOf(spec, old));
  const bool single = spec.ipfamilypolicy() == kSingleStack;
  if (old != nullptr && single && spec.ipfamilies_size() > 1 &&
      Same(spec.ipfamilies(), old->ipfamilies())) {
    spec.mutable_ipfamilies()->DeleteSubrange(1, spec.ipfamilies_size() - 1);
  }
  api::field::ErrorList errors;
  CheckPolicy(spec, old, errors);
  if (!errors.empty()) return errors.ToError("", "Service", service.metadata().name());
  if (IsHeadless(spec) && spec.selector().empty()) {
    if (spec.ipfamilies_size() == 0) spec.add_ipfamilies("IPv4");
    if (spec.ipfamilies_size() < 2 && !single)
      spec.add_ipfamilies(spec.ipfamilies(0) == "IPv6" ? "IPv4" : "IPv6");
    return Ok();
  }
  CheckIsConfigured(spec, errors);
  if (!errors.empty()) return errors.ToError("", "Service", service.metadata().name());
  if (spec.ipfamilies_size() == 0) spec.add_ipfamilies("IPv4");
  return Ok();
}

}  // namespace wherry::apiserver::registry
