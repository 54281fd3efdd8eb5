#include "controllers/volumeprotection/volumes.h"

#include "controllers/objects/worker.h"
#include "controllers/volumeprotection/finalizer.h"
#include "lib/api/kind_registry.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::controllers::volumeprotection {
namespace {

constexpr int kWorkers = 1;

}  // namespace

Volumes::Volumes(Context context)
    : world_(context.world),
      client_(context.client),
      volumes_(context.informers.For(api::KindOf<corev1::PersistentVolume>())),
      queue_(world_, "pvprotection") {
  volumes_.AddHandlers(EnqueueKeys(queue_));
}

void Volumes::Start(TaskScope& scope) {
  RunWorkers(scope, queue_, kWorkers, {&volumes_},
             [this](std::string name) { return Sync(std::move(name)); });
}

Task<Status> Volumes::Sync(std::string name) {
  const auto volume = std::static_pointer_cast<const corev1::PersistentVolume>(volumes_.Get(name));
  if (!volume) co_return Ok();
  const Step step = NextStep(volume->metadata(), kVolumeFinalizer);
  if (step == Step::kAdd) {
    auto adding = AddFinalizer(client_, volume, kVolumeFinalizer);
    co_return co_await std::move(adding);
  }
  if (step == Step::kNothing || volume->status().phase() == "Bound") co_return Ok();
  auto removing = RemoveFinalizer(client_, volume, kVolumeFinalizer);
  co_return co_await std::move(removing);
}

}  // namespace wherry::controllers::volumeprotection
