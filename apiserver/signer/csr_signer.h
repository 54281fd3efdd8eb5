#pragma once

#include "apiserver/registry/store.h"
#include "lib/http/certificates.h"
#include "lib/loop/task.h"

#include <optional>

namespace wherry::api::certificates::v1 {
class CertificateSigningRequest;
}

namespace wherry::apiserver::signer {

// What a certificate request is given, or null when this signer leaves it alone: one of another
// signer, or one that a person must approve.
//
// Served: kubernetes.io/kube-apiserver-client-kubelet asked for by a bootstrap token or by the node
// itself, and kubernetes.io/kubelet-serving asked for by the node itself. The name must be
// system:node:NAME in the group system:nodes. Errors: kForbidden, saying why it is denied.
// Source: pkg/controller/certificates/approver, and "Certificate Signing Requests" in the docs.
Result<std::optional<http::CertificateRequest>> Judge(
    const api::certificates::v1::CertificateSigningRequest& request);

// Approves (or denies) and signs certificate requests of nodes, present and future, until it is
// destroyed. Also signs what somebody else approved for these two signers.
Task<void> SignCertificateRequests(registry::Store& store, http::CertifiedKey ca);

}  // namespace wherry::apiserver::signer
