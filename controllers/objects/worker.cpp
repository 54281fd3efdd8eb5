#include "controllers/objects/worker.h"

#include "controllers/objects/informers.h"

namespace wherry::controllers {
namespace {

Task<void> RunOnceSynced(TaskScope& scope, client::WorkQueue& queue, int workers,
                         std::vector<client::Informer*> informers,
                         std::function<Task<Status>(std::string key)> sync) {
  co_await WaitForSync(std::move(informers));
  queue.Run(scope, workers, std::move(sync));
}

}  // namespace

client::Informer::Handlers EnqueueKeys(client::WorkQueue& queue) {
  return {
      .on_change = [&queue](const auto&, const auto& object) { queue.Add(client::KeyOf(*object)); },
      .on_delete = [&queue](const auto& object) { queue.Add(client::KeyOf(*object)); },
  };
}

void RunWorkers(TaskScope& scope, client::WorkQueue& queue, int workers,
                std::vector<client::Informer*> informers,
                std::function<Task<Status>(std::string key)> sync) {
  scope.Spawn(queue.name() + " controller",
              RunOnceSynced(scope, queue, workers, std::move(informers), std::move(sync)));
}

}  // namespace wherry::controllers
