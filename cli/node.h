#pragma once

#include "cli/options.h"
#include "lib/base/result.h"
#include "lib/client/api_client.h"
#include "lib/http/certificates.h"
#include "lib/http/message.h"
#include "lib/linux/file_lock.h"
#include "lib/loop/task.h"
#include "lib/loop/world.h"

#include <memory>
#include <string>

namespace wherry::cli {

// One node: image store, container runtime, node agent, its own API on the kubelet port, and the
// service proxy.
//
// Loop thread. State lies below <data-dir>: images, runtime, pods, logs, and network (the node's
// pod CIDR, kept so that a restart finds its pods' addresses before the API server answers).
// Stopping leaves the pods running.
class Node {
 public:
  struct Setup {
    ProcessOptions process;
    NodeOptions options;
    std::string pod_cidr;        // the whole cluster's
    std::string cluster_ca_pem;  // whose clients may use the node's API
    http::CertifiedKey serving;  // of the node's API
    bool with_proxy = true;
  };
  // `client` arrives as the node; it outlives this object.
  Node(World& world, client::ApiClient& client, Setup setup);
  ~Node();

  Task<Status> Start();
  Task<void> Stop();

  // What the node's API shows to new connections. Errors: kBadRequest when it does not load.
  Status SetServing(const http::CertifiedKey& serving);

  // The node's API for an API server in the same process.
  http::Handler& handler();
  const std::string& name() const;
  const std::string& ip() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Held by whoever works on the node's part of the data directory: an agent, or a reset. Errors:
// kConflict while another process holds it.
Result<linux::FileLock> LockNode(const std::string& data_dir);

// The group of a node that its pods' and its supervisors' ones lie in.
std::string NodeCgroup(const std::string& node_name);

// The node's name and address after defaults; starts and writes nothing. Errors: see
// ChooseNodeName.
Result<NodeOptions> WithDefaults(const std::string& data_dir, NodeOptions options);

}  // namespace wherry::cli
