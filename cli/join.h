#pragma once

#include "lib/base/result.h"
#include "lib/http/certificates.h"
#include "lib/loop/task.h"
#include "lib/loop/world.h"

#include <string>

namespace wherry::cli {

struct JoinRequest {
  std::string server;  // "https://10.0.0.1:6443"
  std::string token;   // see keys/join_token.h
  std::string node_name;
  std::string node_ip;
  std::string data_dir;
};

// What a node needs to take part in a cluster.
struct Membership {
  std::string ca_pem;
  http::CertifiedKey serving;   // of the node's own API, signed by the cluster
  std::string kubeconfig_path;  // the node's identity, system:node:NAME in system:nodes
};

// Fetches the cluster's CA and checks it against the hash in the token; then asks, with the token,
// for a client certificate through a CertificateSigningRequest, and with that for a serving
// certificate. What an earlier start got is used again while it names this node and a third of its
// life is left. Keys never leave the node (mode 0600 below <data-dir>/agent). Errors: kUnauthorized
// when the server's CA is not the one the token names; kTimeout when nobody signs within 60 s.
Task<Result<Membership>> Join(World& world, JoinRequest request);

}  // namespace wherry::cli
