#pragma once

#include "apiserver/registry/admitter.h"

#include <memory>

namespace wherry::apiserver::admission {

// What the rights of nodes (NodeOf) leave open: a node writes its own Node, without its taints and
// the labels that are not its own to set, and its own lease; makes mirror pods for itself that name
// no other object; deletes, evicts and tells the status of the pods bound to it, and asks for
// tokens of those. Source: plugin/pkg/admission/noderestriction.
std::unique_ptr<registry::Admitter> MakeNodeRestriction();

}  // namespace wherry::apiserver::admission
