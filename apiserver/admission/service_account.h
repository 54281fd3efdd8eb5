#pragma once

#include "apiserver/registry/admitter.h"

#include <memory>

namespace wherry {
class Random;
}

namespace wherry::apiserver::admission {

// Gives a new pod its service account ("default" when it names none), which must exist, and the
// account's image pull secrets; with `mount_tokens` also the token volume, unless pod or account
// decline. Unlike upstream, a pod that gets no token for sure need not wait for its namespace's
// "default". Source: plugin/pkg/admission/serviceaccount, KEP-1205.
std::unique_ptr<registry::Admitter> MakeServiceAccount(bool mount_tokens, Random& random);

}  // namespace wherry::apiserver::admission
