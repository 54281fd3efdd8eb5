#pragma once

#include "apiserver/registry/strategy.h"

namespace wherry::apiserver::registry {

// Looks at objects on their way into the store, after their defaults and before their strategy:
// fills in what the cluster decides, or refuses. Implemented by apiserver/admission. Stateless as
// strategies are. Source: k8s.io/apiserver pkg/admission.
class Admitter {
 public:
  virtual ~Admitter() = default;
  // `old` is null on create. Not called for subresources and deletions. Errors: kForbidden mostly.
  virtual Status Admit(const Context& context, const api::KindInfo& kind, Message& object,
                       const Message* old) const = 0;
  // Asked before, and for subresources and deletions too: whether this user may. `old` is null on
  // create, `object` on delete; for serviceaccounts/token `object` is the TokenRequest. Errors:
  // kForbidden mostly.
  virtual Status Restrict(const Context& /*context*/, const api::KindInfo& /*kind*/,
                          const Message* /*object*/, const Message* /*old*/) const {
    return Ok();
  }
};

}  // namespace wherry::apiserver::registry
