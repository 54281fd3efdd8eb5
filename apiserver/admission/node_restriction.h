#pragma once

#include "apiserver/registry/admitter.h"

#include <memory>

namespace wherry::apiserver::admission {

// What the rights of system:nodes leave open: a node writes its own Node and lease, makes mirror
// pods for itself that name no other object, and deletes, evicts and tells the status of the pods
// bound to it. Source: plugin/pkg/admission/noderestriction.
std::unique_ptr<registry::Admitter> MakeNodeRestriction();

}  // namespace wherry::apiserver::admission
