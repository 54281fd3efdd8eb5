#pragma once

#include "lib/client/api_client.h"
#include "lib/client/informer.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "nodeagent/lifecycle/node_status.h"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace wherry::nodeagent::lifecycle {

// Keeps this node's Node and Lease objects: creates them or takes over what is there, writes the
// status when something changed and every five minutes, renews the lease every ten seconds.
//
// A server that cannot be reached is asked again for ever. Loop thread.
// Source: kubelet_node_status.go, component-helpers/apimachinery/lease.
class NodeRegistration {
 public:
  struct Options {
    std::map<std::string, std::string> labels;
    std::string pod_cidr;  // to register with, when it is known before
    // Called once, when the node's pod CIDR is known.
    std::function<void(const std::string& pod_cidr)> on_pod_cidr;
  };
  // `describe` gives what is true now.
  NodeRegistration(World& world, client::ApiClient& client, Options options,
                   std::function<NodeStatusInput()> describe);
  ~NodeRegistration();

  void Start();
  // Something that `describe` tells has changed.
  void Changed();
  bool registered() const { return registered_; }
  // The Node as last seen; null before.
  std::shared_ptr<const api::core::v1::Node> node() const;

 private:
  Task<void> Register();
  Task<Status> CreateOrAdopt();
  Task<void> KeepStatus();
  Task<Status> WriteStatus();
  Task<void> OfferExtendedResources(std::string patch);
  Task<void> KeepLease();
  Task<Status> RenewLease();

  World& world_;
  client::ApiClient& client_;
  Options options_;
  std::function<NodeStatusInput()> describe_;
  std::string name_;
  client::Informer informer_;
  bool registered_ = false;
  bool cidr_told_ = false;
  bool changed_ = false;
  Notifier wake_;
  std::unique_ptr<api::core::v1::NodeStatus> written_;
  client::MessagePtr lease_;
  TaskScope tasks_;
};

}  // namespace wherry::nodeagent::lifecycle
