#pragma once

#include "scheduler/framework/node_info.h"

#include <cstdint>
#include <string>
#include <unordered_map>

namespace wherry::scheduler::framework {

// On how many nodes each image is, by every name it has there. Kept up to date node by node.
class ImageIndex {
 public:
  void AddNode(const api::core::v1::Node& node) { Count(node, 1); }
  // The node as it was when it was added.
  void RemoveNode(const api::core::v1::Node& node) { Count(node, -1); }
  int64_t NodesWith(const std::string& name) const;

 private:
  void Count(const api::core::v1::Node& node, int64_t by);
  std::unordered_map<std::string, int64_t> nodes_;
};

// Both nodes report the same images.
bool SameImages(const api::core::v1::Node& one, const api::core::v1::Node& other);

}  // namespace wherry::scheduler::framework
