#include "apiserver/registry/core/go_syntax.h"
#include "apiserver/registry/core/name_set.h"
#include "apiserver/registry/core/service_fields.h"
#include "apiserver/registry/core/service_validation.h"
#include "lib/api/validation.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::apiserver::registry {

using api::core::v1::Service;
using api::core::v1::ServiceSpec;

namespace {

constexpr std::string_view kFamilies[] = {"IPv4", "IPv6"};
constexpr std::string_view kFamilyPolicies[] = {"PreferDualStack", "RequireDualStack",
                                                "SingleStack"};
constexpr std::string_view kMayNotChange = "may not change once set";

FieldPath SpecPath(std::string_view field) { return FieldPath("spec").Child(field); }

void ValidateAgreement(const ServiceSpec& spec, const FieldPath& path, ErrorList& errors) {
  if (spec.clusterip().empty()) {
    if (spec.clusterips_size() > 0) {
      errors.Invalid(path, GoList(spec.clusterips()),
                     "must be empty when `clusterIP` is not specified");
    }
  } else if (spec.clusterips_size() == 0) {
    errors.Required(path);
  } else if (spec.clusterips(0) != spec.clusterip()) {
    errors.Invalid(path, GoList(spec.clusterips()), "first value must match `clusterIP`");
  }
}

void ValidateFamilies(const ServiceSpec& spec, ErrorList& errors) {
  FieldPath path = SpecPath("ipFamilies");
  NameSet seen;
  for (int i = 0; i < spec.ipfamilies_size(); ++i) {
    CheckOneOf(errors, path.Index(i), spec.ipfamilies(i), kFamilies);
    if (!seen.Insert(spec.ipfamilies(i))) errors.Duplicate(path.Index(i), spec.ipfamilies(i));
  }
  if (spec.has_ipfamilypolicy()) {
    CheckOneOf(errors, SpecPath("ipFamilyPolicy"), spec.ipfamilypolicy(), kFamilyPolicies);
  }
}

// Whether each is an address, or the only one "None".
bool ValidateAddressSyntax(const ServiceSpec& spec, const FieldPath& path, ErrorList& errors) {
  bool valid = true;
  for (int i = 0; i < spec.clusterips_size(); ++i) {
    const std::string& ip = spec.clusterips(i);
    if (i == 0 && ip == "None") {
      if (spec.clusterips_size() == 1) continue;
      valid = false;
      errors.Invalid(path, GoList(spec.clusterips()), "'None' must be the first and only value");
      continue;
    }
    auto reasons = api::IsValidIP(ip);
    valid = valid && reasons.empty();
    AddReasons(errors, path.Index(i), ip, reasons);
  }
  if (spec.clusterips_size() > 2) {
    errors.Invalid(path, GoList(spec.clusterips()), "may only hold up to 2 values");
  }
  return valid;
}

void ValidateAddressFamilies(const ServiceSpec& spec, const FieldPath& path, ErrorList& errors) {
  if (spec.clusterips_size() > 1 &&
      api::IsIPv4(spec.clusterips(0)) == api::IsIPv4(spec.clusterips(1))) {
    errors.Invalid(path, GoList(spec.clusterips()),
                   "may specify no more than one IP for each IP family");
  }
  int count = std::min(spec.clusterips_size(), spec.ipfamilies_size());
  for (int i = 0; i < count; ++i) {
    const std::string& family = spec.ipfamilies(i);
    const std::string& ip = spec.clusterips(i);
    bool wrong = (family == "IPv4" && api::IsIPv6(ip)) || (family == "IPv6" && api::IsIPv4(ip));
    if (!wrong) continue;
    errors.Invalid(
        path.Index(i), ip,
        "expected an " + family + " value as indicated by `ipFamilies[" + std::to_string(i) + "]`");
  }
}

bool IsSingleStack(const ServiceSpec& spec) { return spec.ipfamilypolicy() == "SingleStack"; }

api::field::BadValue PolicyValue(const ServiceSpec& spec) {
  if (!spec.has_ipfamilypolicy()) return nullptr;
  return spec.ipfamilypolicy();
}

using Values = google::protobuf::RepeatedPtrField<std::string>;

// A first value that is set stays; a second may come and, with the policy SingleStack, go.
struct Evolving {
  std::string_view field;
  std::string_view released_primary;    // error when the first is taken away
  std::string_view released_secondary;  // error when the second goes without the policy
};

void ValidateEvolution(const Values& now, const Values& before, const Service& service,
                       const Evolving& evolving, ErrorList& errors) {
  FieldPath path = SpecPath(evolving.field);
  if (now.size() == before.size()) {
    for (int i = 0; i < now.size(); ++i) {
      if (now[i] != before[i]) errors.Invalid(path.Index(i), GoList(now), kMayNotChange);
    }
    return;
  }
  if (now.empty()) return errors.Invalid(path.Index(0), GoList(now), evolving.released_primary);
  if (!before.empty() && now[0] != before[0]) {
    errors.Invalid(path.Index(0), GoList(now), kMayNotChange);
  }
  if (now.size() < before.size() && now.size() == 1 && !IsSingleStack(service.spec())) {
    errors.Invalid(SpecPath("ipFamilyPolicy"), PolicyValue(service.spec()),
                   evolving.released_secondary);
  }
}

constexpr Evolving kClusterIPs = {
    "clusterIPs", "primary clusterIP can not be unset",
    "must be set to 'SingleStack' when releasing the secondary clusterIP"};
constexpr Evolving kIPFamilies = {
    "ipFamilies", "primary ipFamily can not be unset",
    "must be set to 'SingleStack' when releasing the secondary ipFamily"};

}  // namespace

void ValidateServiceAddresses(const Service& service, ErrorList& errors) {
  if (!NeedsClusterIP(service)) return;
  const ServiceSpec& spec = service.spec();
  FieldPath path = SpecPath("clusterIPs");
  ValidateAgreement(spec, path, errors);
  ValidateFamilies(spec, errors);
  if (!ValidateAddressSyntax(spec, path, errors)) return;
  if (!IsHeadless(service)) ValidateAddressFamilies(spec, path, errors);
}

void ValidateServiceAddressesUpdate(const Service& service, const Service& old, ErrorList& errors) {
  if (!NeedsClusterIP(service) || !NeedsClusterIP(old)) return;
  bool headless = IsHeadless(service);
  if (headless && IsHeadless(old)) return;
  ValidateEvolution(service.spec().clusterips(), old.spec().clusterips(), service, kClusterIPs,
                    errors);
  if (headless != IsHeadless(old)) return;
  ValidateEvolution(service.spec().ipfamilies(), old.spec().ipfamilies(), service, kIPFamilies,
                    errors);
}

}  // namespace wherry::apiserver::registry
