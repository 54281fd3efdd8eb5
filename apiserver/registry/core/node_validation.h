#pragma once

#include "apiserver/registry/core/field_checks.h"

namespace wherry::api::core::v1 {
class Node;
}

// Source: pkg/apis/core/validation ValidateNode, ValidateNodeUpdate.
namespace wherry::apiserver::registry {

ErrorList ValidateNode(const api::core::v1::Node& node);
// Of the node itself and of its status.
ErrorList ValidateNodeUpdate(const api::core::v1::Node& node, const api::core::v1::Node& old);

}  // namespace wherry::apiserver::registry
