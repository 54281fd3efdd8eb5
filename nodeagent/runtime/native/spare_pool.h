#pragma once

#include "lib/loop/task.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "nodeagent/runtime/native/pod_resources.h"

#include <map>
#include <memory>
#include <set>
#include <string>

namespace wherry::nodeagent::runtime::native {

// Root file systems that were prepared for images which are likely to be used again, a few at most,
// so that the next start need not wait for the disk. Loop thread.
class SparePool {
 public:
  SparePool(World& world, std::shared_ptr<PodResources> resources);

  // A prepared root for the image, null when there is none.
  std::shared_ptr<SpareRoot> Take(const std::string& image_id);
  // The image was just used: makes a spare for it soon, unless there is one.
  void Refill(const std::string& image_id);

 private:
  Task<void> Make(std::string image_id);

  World& world_;
  Loop& loop_;
  std::shared_ptr<PodResources> resources_;
  std::map<std::string, std::shared_ptr<SpareRoot>> spares_;  // by image id
  std::set<std::string> making_;
  TaskScope scope_;
};

}  // namespace wherry::nodeagent::runtime::native
