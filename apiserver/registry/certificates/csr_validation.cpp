#include "apiserver/registry/certificates/csr_validation.h"

#include "apiserver/registry/core/kind_strategy.h"
#include "lib/api/validation.h"
#include "lib/http/certificates.h"
#include "proto/api/certificates/v1.pb.h"

#include <algorithm>
#include <set>

namespace wherry::apiserver::registry::certificates {

using api::certificates::v1::CertificateSigningRequestCondition;
using api::certificates::v1::CertificateSigningRequestSpec;

namespace {

constexpr int32_t kExpirationSecondsMin = 600;
constexpr size_t kSubdomainMax = 253;
constexpr size_t kLabelMax = 63;

constexpr std::string_view kUsages[] = {"any",
                                        "cert sign",
                                        "client auth",
                                        "code signing",
                                        "content commitment",
                                        "crl sign",
                                        "data encipherment",
                                        "decipher only",
                                        "digital signature",
                                        "email protection",
                                        "encipher only",
                                        "ipsec end system",
                                        "ipsec tunnel",
                                        "ipsec user",
                                        "key agreement",
                                        "key encipherment",
                                        "microsoft sgc",
                                        "netscape sgc",
                                        "ocsp signing",
                                        "s/mime",
                                        "server auth",
                                        "signing",
                                        "timestamping"};
constexpr std::string_view kDecisions[] = {"Approved", "Denied", "Failed"};
constexpr std::string_view kTrueOnly[] = {"True"};
constexpr std::string_view kConditionStatuses[] = {"False", "True", "Unknown"};

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

using Rule = std::vector<std::string> (*)(std::string_view);

// The first label that breaks the rule is reported, the rest would say the same.
void CheckLabels(std::string_view segment, Rule rule, const FieldPath& path, ErrorList& errors) {
  for (std::string_view label : Split(segment, '.')) {
    auto reasons = rule(label);
    for (const std::string& reason : reasons) {
      errors.Invalid(path, segment, "validating label \"" + std::string(label) + "\": " + reason);
    }
    if (!reasons.empty()) return;
  }
}

void ValidateRequest(const CertificateSigningRequestSpec& spec, const FieldPath& path,
                     ErrorList& errors) {
  std::string why;
  if (spec.request().find("-----BEGIN CERTIFICATE REQUEST-----") == std::string::npos) {
    why = "PEM block type must be CERTIFICATE REQUEST";
  } else if (auto parsed = http::ParseSigningRequest(spec.request()); !parsed.ok()) {
    why = parsed.error().message;
  } else {
    return;
  }
  errors.Invalid(path.Child("request"), spec.request(), why);
}

void ValidateUsages(const CertificateSigningRequestSpec& spec, const FieldPath& path,
                    ErrorList& errors) {
  if (spec.usages_size() == 0) errors.Required(path);
  std::set<std::string_view> seen;
  for (int i = 0; i < spec.usages_size(); ++i) {
    CheckOneOf(errors, path.Index(i), spec.usages(i), kUsages);
    if (!seen.insert(spec.usages(i)).second) errors.Duplicate(path.Index(i), spec.usages(i));
  }
}

bool IsDecision(std::string_view type) {
  return std::find(std::begin(kDecisions), std::end(kDecisions), type) != std::end(kDecisions);
}

void ValidateConditions(const CertificateSigningRequest& request, ErrorList& errors) {
  FieldPath path = FieldPath("status").Child("conditions");
  std::set<std::string_view> seen;
  for (int i = 0; i < request.status().conditions_size(); ++i) {
    const auto& condition = request.status().conditions(i);
    FieldPath at = path.Index(i);
    CheckRequired(errors, at.Child("type"), condition.type());
    if (IsDecision(condition.type())) {
      CheckRequiredOneOf(errors, at.Child("status"), condition.status(), kTrueOnly);
    } else {
      CheckRequiredOneOf(errors, at.Child("status"), condition.status(), kConditionStatuses);
    }
    if ((condition.type() == "Approved" && seen.contains("Denied")) ||
        (condition.type() == "Denied" && seen.contains("Approved"))) {
      errors.Invalid(at.Child("type"), condition.type(),
                     "Approved and Denied conditions are mutually exclusive");
    }
    if (!seen.insert(condition.type()).second) {
      errors.Duplicate(at.Child("type"), condition.type());
    }
  }
}

void ValidateCertificate(const std::string& pem, ErrorList& errors) {
  if (pem.empty()) return;
  auto parsed = http::ParseCertificate(pem);
  if (parsed.ok()) return;
  bool no_block = pem.find("-----BEGIN CERTIFICATE-----") == std::string::npos;
  errors.Invalid(
      FieldPath("status").Child("certificate"), "<certificate data>",
      no_block ? "must contain at least one CERTIFICATE PEM block" : parsed.error().message);
}

using Conditions = std::vector<const CertificateSigningRequestCondition*>;

Conditions OfType(const CertificateSigningRequest& request, std::string_view type) {
  Conditions found;
  for (const auto& condition : request.status().conditions()) {
    if (condition.type() == type) found.push_back(&condition);
  }
  return found;
}

bool Same(const Conditions& a, const Conditions& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto* x, const auto* y) { return SemanticEqual(*x, *y); });
}

void ValidateDecisions(const CertificateSigningRequest& request,
                       const CertificateSigningRequest& old, CsrUpdate update, ErrorList& errors) {
  FieldPath path = FieldPath("status").Child("conditions");
  for (std::string_view type : kDecisions) {
    std::string quoted = "condition of type \"" + std::string(type) + "\"";
    Conditions now = OfType(request, type);
    Conditions before = OfType(old, type);
    if (now.size() < before.size()) {
      errors.Forbidden(path, "updates may not remove a " + quoted);
    } else if (update.may_approve || type == "Failed") {
      continue;
    } else if (now.size() > before.size()) {
      errors.Forbidden(path, "updates may not add a " + quoted);
    } else if (!Same(now, before)) {
      errors.Forbidden(path, "updates may not modify a " + quoted);
    }
  }
}

}  // namespace

void ValidateSignerName(std::string_view name, const FieldPath& path, ErrorList& errors) {
  if (name.empty()) return errors.Required(path);
  auto segments = Split(name, '/');
  if (segments.size() != 2) {
    errors.Invalid(path, name,
                   "must be a fully qualified domain and path of the form "
                   "'example.com/signer-name'");
    return;
  }
  if (segments[0].size() > kSubdomainMax) errors.TooLong(path, kSubdomainMax);
  CheckLabels(segments[0], api::IsDNS1123Label, path, errors);
  if (segments[0].find('.') == std::string_view::npos) {
    errors.Invalid(path, segments[0],
                   "should be a domain with at least two segments separated by dots");
  }
  CheckLabels(segments[1], api::IsDNS1123Subdomain, path, errors);
  constexpr size_t kNameMax = kSubdomainMax + 1 + kSubdomainMax + kLabelMax + 1;
  if (name.size() > kNameMax) errors.TooLong(path, kNameMax);
}

ErrorList ValidateCsr(const CertificateSigningRequest& request) {
  const auto& spec = request.spec();
  FieldPath path("spec");
  ErrorList errors;
  ValidateRequest(spec, path, errors);
  ValidateUsages(spec, path.Child("usages"), errors);
  if (spec.signername() == "kubernetes.io/legacy-unknown") {
    errors.Invalid(path.Child("signerName"), spec.signername(),
                   "the legacy signerName is not allowed via this API version");
  } else {
    ValidateSignerName(spec.signername(), path.Child("signerName"), errors);
  }
  if (spec.has_expirationseconds() && spec.expirationseconds() < kExpirationSecondsMin) {
    errors.Invalid(path.Child("expirationSeconds"), spec.expirationseconds(),
                   "may not specify a duration less than 600 seconds (10 minutes)");
  }
  ValidateConditions(request, errors);
  ValidateCertificate(request.status().certificate(), errors);
  return errors;
}

ErrorList ValidateCsrUpdate(const CertificateSigningRequest& request,
                            const CertificateSigningRequest& old, CsrUpdate update) {
  ErrorList errors = ValidateCsr(request);
  ValidateDecisions(request, old, update, errors);
  if (request.status().certificate() == old.status().certificate()) return errors;
  FieldPath path = FieldPath("status").Child("certificate");
  if (!update.may_set_certificate) {
    errors.Forbidden(path, "updates may not set certificate content");
  } else if (!old.status().certificate().empty()) {
    errors.Forbidden(path, "updates may not modify existing certificate content");
  }
  return errors;
}

}  // namespace wherry::apiserver::registry::certificates
