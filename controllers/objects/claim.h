#pragma once

#include "controllers/objects/types.h"
#include "lib/api/labels.h"
#include "lib/client/api_client.h"

#include <string>
#include <vector>

// How a controller takes and gives up objects through controller references.
// Source: upstream pkg/controller/controller_ref_manager.go.
namespace wherry::controllers {

enum class Claim {
  kIgnore,   // somebody else's business
  kKeep,     // ours, and it stays ours
  kAdopt,    // a matching orphan
  kRelease,  // ours, but it matches no longer
};

Claim DecideClaim(const metav1::ObjectMeta& controller, const api::Selector& selector,
                  const google::protobuf::Message& object);

// Strategic merge patches of an object's ownerReferences; the uid in them makes the server refuse
// another object of the same name.
std::string AdoptPatch(const google::protobuf::Message& controller,
                       const metav1::ObjectMeta& object);
std::string ReleasePatch(const metav1::ObjectMeta& controller, const metav1::ObjectMeta& object);

// Those of `candidates` that are `controller`'s once it has adopted the matching orphans and let go
// of what matches no longer. Before the first adoption the server is asked whether `controller`
// still exists: the cache may lag behind its deletion, or show a namesake.
Task<Result<std::vector<client::MessagePtr>>> ClaimObjects(
    client::ApiClient& client, client::MessagePtr controller, api::Selector selector,
    std::vector<client::MessagePtr> candidates);

}  // namespace wherry::controllers
