#pragma once

#include "apiserver/registry/core/field_checks.h"

namespace wherry::api::certificates::v1 {
class CertificateSigningRequest;
}

// Source: pkg/apis/certificates/validation.
namespace wherry::apiserver::registry::certificates {

using api::certificates::v1::CertificateSigningRequest;

// What one way to update may change that others may not.
struct CsrUpdate {
  bool may_set_certificate = false;  // .../status
  bool may_approve = false;          // .../approval
};

ErrorList ValidateCsr(const CertificateSigningRequest& request);
ErrorList ValidateCsrUpdate(const CertificateSigningRequest& request,
                            const CertificateSigningRequest& old, CsrUpdate update);
// "example.com/signer".
void ValidateSignerName(std::string_view name, const FieldPath& path, ErrorList& errors);

}  // namespace wherry::apiserver::registry::certificates
