#pragma once

#include "controllers/objects/types.h"
#include "lib/api/labels.h"

#include <string>

namespace google::protobuf {
class Message;
}

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

}  // namespace wherry::controllers
