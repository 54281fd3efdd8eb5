#pragma once

#include "apiserver/endpoints/endpoint.h"

#include <string>

namespace wherry::apiserver::endpoints {

// Carries a client's upgraded conversation (exec, attach, port-forward) to the agent of a node, at
// `target` of the kubelet's API. It asks for the permission to create, also with GET, which only
// browsers need: who may look must not be able to run commands (as upstream has it since 1.35).
// Errors: kForbidden, kBadRequest without an upgrade, kServiceUnavailable, and the agent's own.
Reply UpgradeAtAgent(Environment& environment, const ApiRequest& request, std::string node_name,
                     std::string target);

}  // namespace wherry::apiserver::endpoints
