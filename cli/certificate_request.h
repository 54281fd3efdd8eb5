#pragma once

#include "lib/base/result.h"
#include "lib/client/api_client.h"
#include "lib/http/certificates.h"
#include "lib/loop/task.h"
#include "lib/loop/world.h"

#include <string>
#include <vector>

namespace wherry::cli {

// One certificate that a node asks for.
struct WantedCertificate {
  std::string signer;
  std::vector<std::string> usages;
  http::CertificateRequest request;
};
// The node as a client of the API server, system:node:NAME in system:nodes.
WantedCertificate NodeClientCertificate(const std::string& node_name);
// The node's own API.
WantedCertificate NodeServingCertificate(const std::string& node_name, const std::string& node_ip);

// Makes a key, creates a CertificateSigningRequest and waits for the certificate; the client
// outlives it. Errors: kForbidden when it is denied, kTimeout when nobody signs within 60 s.
Task<Result<http::CertifiedKey>> AskForCertificate(World& world, client::ApiClient& client,
                                                   WantedCertificate wanted);

}  // namespace wherry::cli
