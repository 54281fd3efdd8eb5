#include "controllers/garbagecollector/controller.h"

#include "controllers/garbagecollector/patches.h"
#include "controllers/objects/await_all.h"
#include "controllers/objects/pod_state.h"
#include "controllers/objects/worker.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "proto/api/meta/v1.pb.h"

namespace wherry::controllers::garbagecollector {
namespace {

constexpr int kWorkers = 32;

}  // namespace

Controller::Controller(Context context)
    : world_(context.world),
      client_(context.client),
      queue_(world_, "garbage_collector"),
      recorder_(world_, client_, "garbage-collector-controller") {
  for (const auto* kind : context.served_kinds) {
    if (kind->plural == "events") continue;  // they own nothing, and nothing owns them
    auto& informer = context.informers.For(*kind);
    informer.AddHandlers({
        .on_change = [this](const auto&, const auto& object) { Enqueue(graph_.Update(*object)); },
        .on_delete =
            [this](const auto& object) { Enqueue(graph_.Remove(api::MetaOf(*object).uid())); },
    });
    informers_.push_back(&informer);
  }
}

// An incomplete graph shows too few dependents, so nothing happens before all kinds are known.
void Controller::Start(TaskScope& scope) {
  RunWorkers(scope, queue_, kWorkers, informers_,
             [this](std::string uid) { return Sync(std::move(uid)); });
}

void Controller::Enqueue(const std::vector<Uid>& uids) {
  for (const Uid& uid : uids) queue_.Add(uid);
}

Task<Status> Controller::Sync(Uid uid) {
  const Step step = NextStep(graph_, uid);
  if (step.kind == Step::Kind::kNothing) co_return Ok();
  // A copy: the graph moves on while we wait.
  Node node = *graph_.Find(uid);
  switch (step.kind) {
    case Step::Kind::kNothing:
      break;
    case Step::Kind::kVerify:
      co_return co_await Verify(std::move(node));
    case Step::Kind::kOrphan:
      co_return co_await Orphan(std::move(node), step.targets);
    case Step::Kind::kFinishForeground:
      co_return co_await RemoveFinalizer(std::move(node), "foregroundDeletion");
    case Step::Kind::kVisit:
      Enqueue(step.targets);
      break;
    case Step::Kind::kJudge:
      co_return co_await JudgeAndAct(std::move(node));
  }
  co_return Ok();
}

Task<Result<client::MessagePtr>> Controller::Fetch(Node node) {
  auto live = co_await client_.Get(*node.kind, node.ns, node.name);
  const bool gone =
      live.ok() ? api::MetaOf(**live).uid() != node.uid : live.error().reason == Reason::kNotFound;
  if (gone) {
    Enqueue(graph_.Missing(node.identity()));
    co_return client::MessagePtr();
  }
  co_return live;
}

Task<Status> Controller::Verify(Node node) {
  CO_TRY(const auto live, co_await Fetch(node));
  // It exists, so its watch event is on the way. Ask again if it never comes (created and deleted
  // while a watch was down).
  const Node* now = graph_.Find(node.uid);
  if (live && now != nullptr && !now->observed) queue_.AddAfter(node.uid, std::chrono::seconds(5));
  co_return Ok();
}

Task<Status> Controller::Orphan(Node node, std::vector<Uid> dependents) {
  std::vector<Task<Status>> drops;
  for (auto& dependent : dependents) drops.push_back(DropOwner(node.uid, dependent));
  auto outcomes = co_await AwaitAll(world_.loop, std::move(drops));
  for (auto& outcome : outcomes) {
    if (!outcome.ok()) co_return std::move(outcome);
  }
  co_return co_await RemoveFinalizer(std::move(node), "orphan");
}

Task<Status> Controller::DropOwner(Uid owner, Uid dependent) {
  const Node* found = graph_.Find(dependent);
  if (found == nullptr || found->kind == nullptr) co_return Ok();
  std::string patch = DropOwnersPatch(dependent, {owner});
  co_return co_await Patch(*found, client::PatchType::kStrategicMerge, std::move(patch));
}

Task<Status> Controller::Patch(Node node, client::PatchType type, std::string patch) {
  auto patched = co_await client_.Patch(*node.kind, node.ns, node.name, type, std::move(patch), "");
  // A conflict of uids means that the object is gone and a namesake lives.
  if (!patched.ok() && patched.error().reason != Reason::kNotFound)
    co_return std::move(patched).error();
  co_return Ok();
}

Task<Status> Controller::RemoveFinalizer(Node node, std::string finalizer) {
  CO_TRY(const auto live, co_await Fetch(node));
  if (!live || !api::HasFinalizer(api::MetaOf(*live), finalizer)) co_return Ok();
  std::string patch = RemoveFinalizerPatch(api::MetaOf(*live), finalizer);
  co_return co_await Patch(std::move(node), client::PatchType::kMerge, std::move(patch));
}

Task<Status> Controller::JudgeAndAct(Node node) {
  CO_TRY(const auto live, co_await Fetch(node));
  if (!live) co_return Ok();
  const auto& meta = api::MetaOf(*live);
  if (IsBeingDeleted(meta)) co_return Ok();
  std::vector<Judged> owners;
  for (const auto& reference : meta.ownerreferences()) {
    const Owner owner{.uid = reference.uid(),
                      .api_version = reference.apiversion(),
                      .kind = reference.kind(),
                      .name = reference.name()};
    auto finding = StateOf(live, owner);
    CO_TRY(const OwnerState state, co_await std::move(finding));
    owners.push_back({owner.uid, state});
  }
  const Node* current = graph_.Find(node.uid);
  if (current == nullptr) co_return Ok();
  const std::vector<std::string> finalizers(meta.finalizers().begin(), meta.finalizers().end());
  const Verdict verdict = Judge(graph_, *current, finalizers, owners);
  if (verdict.kind == Verdict::Kind::kKeep) co_return Ok();
  if (verdict.kind == Verdict::Kind::kDropOwners) {
    std::string patch = DropOwnersPatch(node.uid, verdict.owners);
    co_return co_await Patch(node, client::PatchType::kStrategicMerge, std::move(patch));
  }
  client::DeleteOptions options;
  options.uid = node.uid;
  options.propagation_policy = verdict.policy;
  if (verdict.unblock) {
    CO_TRY_STATUS(co_await Patch(node, client::PatchType::kMerge, UnblockPatch(meta)));
  } else {
    // The references that were judged are the ones it still has.
    options.resource_version = meta.resourceversion();
  }
  auto deleted = co_await client_.Delete(*node.kind, node.ns, node.name, options);
  if (!deleted.ok() && deleted.error().reason != Reason::kNotFound)
    co_return std::move(deleted).error();
  co_return Ok();
}

Task<Result<OwnerState>> Controller::StateOf(client::MessagePtr object, Owner owner) {
  const Identity wanted = IdentityOf(owner, api::MetaOf(*object).namespace_());
  // What cannot be looked up cannot be known to be gone.
  if (wanted.kind == nullptr || wanted.kind->plural.empty()) co_return OwnerState::kSolid;
  WarnOfOtherNamespace(*object, owner);
  if (wanted.kind->namespaced && wanted.ns.empty()) co_return OwnerState::kSolid;
  if (graph_.KnownAbsent(wanted)) co_return OwnerState::kDangling;
  const auto state = [](bool waits) { return waits ? OwnerState::kWaiting : OwnerState::kSolid; };
  const Node* known = graph_.Find(owner.uid);
  if (known != nullptr && known->observed && known->identity() == wanted)
    co_return state(known->DeletingDependents());

  auto live = co_await client_.Get(*wanted.kind, wanted.ns, wanted.name);
  const bool gone =
      live.ok() ? api::MetaOf(**live).uid() != owner.uid : live.error().reason == Reason::kNotFound;
  if (gone) {
    Enqueue(graph_.Missing(wanted));
    co_return OwnerState::kDangling;
  }
  if (!live.ok()) co_return std::move(live).error();
  const auto& meta = api::MetaOf(**live);
  co_return state(IsBeingDeleted(meta) && api::HasFinalizer(meta, "foregroundDeletion"));
}

// Owners across namespaces are not allowed, and looking for one in the object's own finds nothing:
// whoever wrote the reference should learn why the object is deleted.
void Controller::WarnOfOtherNamespace(const google::protobuf::Message& object, const Owner& owner) {
  const std::string& ns = api::MetaOf(object).namespace_();
  const Node* known = graph_.Find(owner.uid);
  if (known == nullptr || !known->observed || known->ns.empty() || known->ns == ns) return;
  recorder_.Event(object, "Warning", "OwnerRefInvalidNamespace",
                  "ownerRef [" + owner.api_version + "/" + owner.kind + ", namespace: " + ns +
                      ", name: " + owner.name + ", uid: " + owner.uid +
                      "] does not exist in namespace \"" + ns + "\"");
}

}  // namespace wherry::controllers::garbagecollector
