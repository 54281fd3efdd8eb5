#pragma once

#include "lib/http/message.h"

#include <optional>
#include <string>

namespace wherry::apiserver {

// Users of nodes are called system:node:NAME and are in this group.
inline constexpr std::string_view kNodesGroup = "system:nodes";

// The name of the node that the user is, nullopt for everybody else: it takes both the name and the
// group. "" is a node of which nobody knows which; it gets no rights.
// Source: upstream pkg/auth/nodeidentifier.
std::optional<std::string> NodeOf(const http::UserInfo& user);

}  // namespace wherry::apiserver
