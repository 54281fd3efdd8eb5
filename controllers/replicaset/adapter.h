#pragma once

#include "controllers/objects/types.h"
#include "lib/client/api_client.h"

#include <string>

// The kinds that the controller keeps pods for. It speaks of replica sets; a replication controller
// is seen as one, and seen back where the API is told of it.
// Source: upstream pkg/controller/replication/conversion.go.
namespace wherry::controllers::replicaset {

struct Adapter {
  const api::KindInfo& kind;
  std::string queue_name;
  std::string component;  // of events
  // An informer's object as a replica set.
  ReplicaSetPtr (*view)(const client::MessagePtr& stored);
  // The object that such a replica set is a view of, with the view's status.
  client::MessagePtr (*stored)(const ReplicaSetPtr& view);
};

Adapter ReplicaSetAdapter();
Adapter ReplicationControllerAdapter();

}  // namespace wherry::controllers::replicaset
