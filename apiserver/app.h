#pragma once

#include "apiserver/authn/authenticator.h"
#include "apiserver/nodeconnect/node_connections.h"
#include "apiserver/storage/interface.h"
#include "lib/base/result.h"
#include "lib/http/certificates.h"
#include "lib/http/message.h"
#include "lib/loop/task.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace wherry {
struct World;
}

namespace wherry::apiserver {

// The API server: everything between a request and the store.
//
// Lifecycle: make it, await Start once (the cache is filled, the objects every cluster has are
// written), then give handler() to an http::Server and to in-process clients. Before Start has
// ended, requests but /livez and /healthz get 503. Destroying it ends watches and controllers of
// its own. Loop thread; world and store outlive it.
class App {
 public:
  struct Options {
    std::map<std::string, http::UserInfo> tokens;  // bearer tokens
    bool anonymous = false;                        // see authn::Authenticator

    std::string service_cidr = "10.96.0.0/16";
    int32_t node_port_min = 30000;
    int32_t node_port_max = 32767;
    // Where clients in the cluster find this server: the endpoints of the service `kubernetes`.
    std::string advertise_address = "127.0.0.1";
    uint16_t advertise_port = 6443;

    // Signs CertificateSigningRequests of nodes. Empty: they stay as they are.
    http::CertifiedKey ca;
    // What this machine is called in the server's own certificate: other machines get no
    // certificate that says so. advertise_address is one of them anyway.
    std::vector<std::string> machine_names;
    // Signs service account tokens (RSA or ECDSA, see http::SignJwt). Empty: there are none, and
    // none are mounted.
    std::string service_account_key_pem;
    // Pods get a volume with a token of their account: see admission::Options for what that needs.
    bool mount_service_account_tokens = true;
    nodeconnect::NodeConnections::Options nodes;
  };

  App(World& world, storage::Store& store, Options options);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  // Errors: those of the store.
  Task<Status> Start();
  bool ready() const;

  // The whole filter chain: authentication, authorisation, routing, metrics.
  http::Handler& handler();
  // In-process agents register here.
  nodeconnect::NodeConnections& nodes();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A metav1.Status for what an http::Server refuses by itself (ServerOptions::format_error).
http::Response FormatServerError(int http_status, const Error& error);

}  // namespace wherry::apiserver
