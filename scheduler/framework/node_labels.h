#pragma once

#include <string>

namespace wherry::api::core::v1 {
class Node;
}

namespace wherry::scheduler::framework {

// The value of the node's label, null when it has none of that name.
const std::string* LabelOf(const api::core::v1::Node& node, const std::string& key);

}  // namespace wherry::scheduler::framework
