#pragma once

#include "apiserver/registry/store.h"
#include "lib/http/certificates.h"
#include "lib/loop/task.h"

#include <optional>
#include <string>
#include <vector>

namespace wherry::api::certificates::v1 {
class CertificateSigningRequest;
}

namespace wherry::apiserver::signer {

// What else the CA of the nodes vouches for: this server. A node gets no certificate that says so.
struct ServerNames {
  std::vector<std::string> dns_names;     // of the machine; those of the service are known
  std::vector<std::string> ip_addresses;  // of the machine
  std::string service_address;            // of the service `kubernetes`
};

// What a certificate request is given, or null when this signer leaves it alone: one of another
// signer, or one that a person must approve.
//
// Served: kubernetes.io/kube-apiserver-client-kubelet asked for by a bootstrap token or by the node
// itself, and kubernetes.io/kubelet-serving asked for by the node itself. The subject must be
// system:node:NAME in the group system:nodes. A serving certificate may say NAME and the address
// that the request came from (kPeerAddressExtra); other addresses wait for a person, other names
// and those of the server are denied, with a person's approval too. Only an agent on the server's
// own machine shares that machine's name and addresses. And kubernetes.io/kube-apiserver-client:
// any client outside of system:masters, once a person has approved it. The usages must be those of
// the signer.
// Errors: kForbidden, saying why it is denied.
// Source: pkg/controller/certificates/{approver,signer}, and "Certificate Signing Requests" in the
// docs; upstream leaves every serving certificate to a person.
Result<std::optional<http::CertificateRequest>> Judge(
    const api::certificates::v1::CertificateSigningRequest& request, const ServerNames& server);

// Approves (or denies) and signs certificate requests of nodes, present and future, until it is
// destroyed. Also signs what somebody else approved for these signers.
Task<void> SignCertificateRequests(registry::Store& store, http::CertifiedKey ca,
                                   ServerNames server);

}  // namespace wherry::apiserver::signer
