#include "scheduler/framework/image_index.h"

#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::scheduler::framework {

namespace core = api::core::v1;

int64_t ImageIndex::NodesWith(const std::string& name) const {
  auto found = nodes_.find(name);
  return found == nodes_.end() ? 0 : found->second;
}

void ImageIndex::Count(const core::Node& node, int64_t by) {
  for (const core::ContainerImage& image : node.status().images()) {
    for (const std::string& name : image.names()) {
      auto [found, inserted] = nodes_.try_emplace(name, 0);
      found->second += by;
      if (found->second == 0) nodes_.erase(found);
    }
  }
}

bool SameImages(const core::Node& one, const core::Node& other) {
  const auto& left = one.status().images();
  const auto& right = other.status().images();
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const core::ContainerImage& a, const core::ContainerImage& b) {
                      return a.sizebytes() == b.sizebytes() &&
                             std::equal(a.names().begin(), a.names().end(), b.names().begin(),
                                        b.names().end());
                    });
}

}  // namespace wherry::scheduler::framework
