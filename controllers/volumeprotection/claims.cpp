#include "controllers/volumeprotection/claims.h"

#include "controllers/objects/pod_state.h"
#include "controllers/objects/worker.h"
#include "controllers/volumeprotection/claim_use.h"
#include "controllers/volumeprotection/finalizer.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "lib/api/references.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::controllers::volumeprotection {
namespace {

constexpr int kWorkers = 2;
constexpr char kByClaim[] = "claim";  // pods, by "ns/name" of the claims they mount

std::vector<std::string> ClaimKeys(const google::protobuf::Message& object) {
  const auto& pod = static_cast<const corev1::Pod&>(object);
  std::vector<std::string> keys;
  for (const std::string& claim : api::ReferencesOf(pod).claims)
    keys.push_back(client::KeyOf(pod.metadata().namespace_(), claim));
  return keys;
}

}  // namespace

Claims::Claims(Context context)
    : world_(context.world),
      client_(context.client),
      claims_(context.informers.For(api::KindOf<corev1::PersistentVolumeClaim>())),
      pods_(context.informers.For(api::KindOf<corev1::Pod>())),
      queue_(world_, "pvcprotection") {
  pods_.AddIndex(kByClaim, ClaimKeys);
  claims_.AddHandlers({
      .on_change =
          [this](const auto&, const auto& claim) {
            if (NextStep(api::MetaOf(*claim), kClaimFinalizer) != Step::kNothing)
              queue_.Add(client::KeyOf(*claim));
          },
      .on_delete = nullptr,
  });
  pods_.AddHandlers({
      .on_change =
          [this](const auto& before, const auto& pod) {
            OnPod(pod, false);
            // A pod that went while nobody looked, and a namesake came.
            if (before && api::MetaOf(*before).uid() != api::MetaOf(*pod).uid())
              OnPod(before, true);
          },
      .on_delete = [this](const auto& pod) { OnPod(pod, true); },
  });
}

void Claims::Start(TaskScope& scope) {
  RunWorkers(scope, queue_, kWorkers, {&claims_, &pods_},
             [this](std::string key) { return Sync(std::move(key)); });
}

void Claims::OnPod(const client::MessagePtr& object, bool deleted) {
  const auto& pod = static_cast<const corev1::Pod&>(*object);
  // A pod that goes on to use its claims frees none.
  if (!deleted && !IsPodTerminal(pod) && !pod.spec().nodename().empty()) return;
  for (const std::string& key : ClaimKeys(pod)) queue_.Add(key);
}

Task<Result<bool>> Claims::IsUsed(std::shared_ptr<const corev1::PersistentVolumeClaim> claim) {
  for (const auto& pod : pods_.ByIndex(kByClaim, client::KeyOf(*claim)))
    if (Uses(static_cast<const corev1::Pod&>(*pod), *claim)) co_return true;
  // The cache may not know a pod yet that is there: data are at stake.
  client::ListOptions everything;
  CO_TRY(const client::ObjectList live,
         co_await client_.List(api::KindOf<corev1::Pod>(), claim->metadata().namespace_(),
                               std::move(everything)));
  for (const auto& pod : live.items)
    if (Uses(static_cast<const corev1::Pod&>(*pod), *claim)) co_return true;
  co_return false;
}

Task<Status> Claims::Sync(std::string key) {
  const auto claim =
      std::static_pointer_cast<const corev1::PersistentVolumeClaim>(claims_.Get(key));
  if (!claim) co_return Ok();
  switch (NextStep(claim->metadata(), kClaimFinalizer)) {
    case Step::kNothing:
      co_return Ok();
    case Step::kAdd: {
      auto adding = AddFinalizer(client_, claim, kClaimFinalizer);
      co_return co_await std::move(adding);
    }
    case Step::kRemoveUnlessUsed:
      break;
  }
  auto asking = IsUsed(claim);
  CO_TRY(const bool used, co_await std::move(asking));
  if (used) co_return Ok();
  auto removing = RemoveFinalizer(client_, claim, kClaimFinalizer);
  co_return co_await std::move(removing);
}

}  // namespace wherry::controllers::volumeprotection
