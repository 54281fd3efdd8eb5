#pragma once

#include "lib/base/result.h"
#include "lib/client/api_client.h"
#include "lib/http/certificates.h"
#include "lib/http/tls.h"
#include "lib/loop/task.h"
#include "lib/loop/world.h"

#include <string>

namespace wherry::cli {

// Where to join, and whom to believe.
struct Cluster {
  std::string server;  // "https://10.0.0.1:6443"
  std::string ca_pem;  // "" has to be asked of the server
};
// The given server, else the one that a node joined before with this data directory; its CA too,
// where that is the one the token names or no token is given. Errors: kBadRequest when no node
// joined before and `server` or `token` is "", or when the token does not parse.
Result<Cluster> FindCluster(const std::string& data_dir, const std::string& server,
                            const std::string& token);

struct JoinRequest {
  Cluster cluster;
  std::string token;  // see keys/join_token.h; "" when a node joined before
  std::string node_name;
  std::string node_ip;
  std::string data_dir;
};

// What a node needs to take part in a cluster.
struct Membership {
  std::string ca_pem;
  http::CertifiedKey identity;  // system:node:NAME in system:nodes
  http::CertifiedKey serving;   // of the node's own API, signed by the cluster
  std::string kubeconfig_path;  // how to reach the server with that identity
};

// Fetches the cluster's CA, unless it is known, and checks it against the hash in the token; then
// asks, with the token, for a client certificate through a CertificateSigningRequest, and with that
// for a serving certificate. What an earlier start got is used again while it names this node and
// has not expired; then neither token nor server are needed. Keys never leave the node (mode 0600
// below <data-dir>/agent). Errors: kUnauthorized when the server's CA is not the one the token
// names, or when a token is needed and none is given; kTimeout when nobody signs within 60 s.
Task<Result<Membership>> Join(World& world, JoinRequest request);

// The same certificates anew while the node runs, asked for as the node itself and kept for the
// next start; the token is not needed. The client outlives them. Errors: see AskForCertificate.
Task<Result<http::TlsClientConfig>> RenewIdentity(World& world, client::ApiClient& client,
                                                  JoinRequest request, Membership membership);
Task<Result<http::CertifiedKey>> RenewServing(World& world, client::ApiClient& client,
                                              JoinRequest request);

}  // namespace wherry::cli
