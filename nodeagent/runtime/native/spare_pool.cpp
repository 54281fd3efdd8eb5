#include "nodeagent/runtime/native/spare_pool.h"

#include "lib/loop/blocking.h"
#include "lib/loop/sync.h"
#include "nodeagent/runtime/native/container_id.h"

namespace wherry::nodeagent::runtime::native {
namespace {

using namespace std::chrono_literals;

constexpr auto kDelay = 100ms;
constexpr size_t kSparesMax = 4;

}  // namespace

SparePool::SparePool(World& world, std::shared_ptr<PodResources> resources)
    : world_(world), loop_(world.loop), resources_(std::move(resources)), scope_(world.loop) {}

std::shared_ptr<SpareRoot> SparePool::Take(const std::string& image_id) {
  auto found = spares_.find(image_id);
  if (found == spares_.end()) return nullptr;
  std::shared_ptr<SpareRoot> spare = std::move(found->second);
  spares_.erase(found);
  return spare;
}

void SparePool::Refill(const std::string& image_id) {
  if (spares_.contains(image_id) || !making_.insert(image_id).second) return;
  scope_.Spawn("make a spare root", Make(image_id));
}

Task<void> SparePool::Make(std::string image_id) {
  // Not while many containers are being started.
  co_await SleepFor(loop_, kDelay);
  if (spares_.size() >= kSparesMax) {
    auto forget = [resources = resources_, old = Take(spares_.begin()->first)] {
      return resources->spares().Forget(*old);
    };
    auto forgotten = co_await world_.blocking.Run(loop_, std::move(forget));
    Ignore(forgotten, "the next start of the agent cleans up");
  }
  auto make = [resources = resources_, image_id, name = "spare-" + NewContainerId(world_.random)] {
    return resources->spares().Make(image_id, name);
  };
  auto spare = co_await world_.blocking.Run(loop_, std::move(make));
  making_.erase(image_id);
  if (spare.ok()) spares_[image_id] = std::move(*spare);
}

}  // namespace wherry::nodeagent::runtime::native
