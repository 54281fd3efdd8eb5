#pragma once

#include "cli/options.h"
#include "lib/base/result.h"
#include "lib/client/api_client.h"
#include "lib/http/certificates.h"
#include "lib/loop/task.h"
#include "lib/loop/world.h"

#include <memory>
#include <string>

namespace wherry::apiserver {
class App;
}

namespace wherry::cli {

// The API server on its store and its port, with or without the controllers and the scheduler
// beside it in this process.
//
// Loop thread. `up`, `server` and `apiserver` are this with different parts.
class ControlPlane {
 public:
  struct Parts {
    bool controllers = true;
    bool scheduler = true;
  };
  ControlPlane(World& world, ProcessOptions process, ServerOptions server, Parts parts);
  ~ControlPlane();

  // Store, keys, API, port, then the rest; writes the kubeconfigs and prints "ready in N ms:
  // https://HOST:PORT".
  Task<Status> Start();
  // Stops listening and lets requests end; those that do not within 2 s are broken off. What serves
  // them, such as a node in this process, may go after it.
  Task<void> Drain();
  // Drains, and closes the store.
  Task<void> Stop();

  // Valid after Start.
  apiserver::App& api();
  // A client in this process that arrives as `user` in `groups`; lives as long as this object.
  client::ApiClient& Client(const std::string& user, const std::vector<std::string>& groups);
  const std::string& url() const;
  // What to run on a machine that shall join, with a token that is good for 12 to 24 hours.
  Task<Result<std::string>> MakeJoinCommand();
  // A serving certificate for the node's own API, signed by the cluster's CA.
  Result<http::CertifiedKey> IssueNodeServing(const std::string& node_name,
                                              const std::string& address);
  const std::string& ca_pem() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace wherry::cli
