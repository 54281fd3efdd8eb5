#pragma once

#include "apiserver/authz/node_references.h"
#include "apiserver/request/request_info.h"

#include <optional>
#include <string>

namespace wherry::apiserver::authz {

// What a node may do with the resources of which it may touch some objects only: Secrets,
// ConfigMaps, volumes and tokens that its own pods refer to, its own lease and its own CSINode.
// Nullopt for every other request: the fixed rules of nodes decide.
//
// Lists and watches count as reads of one object when they select metadata.name.
// Source: upstream plugin/pkg/auth/authorizer/node/node_authorizer.go.
std::optional<bool> NodeMay(const std::string& node, const RequestInfo& request,
                            const NodeReferences& references);

}  // namespace wherry::apiserver::authz
