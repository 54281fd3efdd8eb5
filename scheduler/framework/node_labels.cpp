#include "scheduler/framework/node_labels.h"

#include "proto/api/core/v1.pb.h"

namespace wherry::scheduler::framework {

const std::string* LabelOf(const api::core::v1::Node& node, const std::string& key) {
  auto label = node.metadata().labels().find(key);
  return label == node.metadata().labels().end() ? nullptr : &label->second;
}

}  // namespace wherry::scheduler::framework
