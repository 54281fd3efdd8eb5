#include "controllers/namespaces/controller.h"

#include "controllers/objects/await_all.h"
#include "controllers/objects/pod_state.h"
#include "controllers/objects/worker.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::controllers::namespaces {
namespace {

constexpr int kWorkers = 16;
constexpr int64_t kPage = 500;  // objects that are read at a time

// "pods." and "deployments.apps", as upstream shows kinds here.
std::string ResourceName(const api::KindInfo& kind) {
  return kind.plural + "." + kind.group_version.group;
}

}  // namespace

Controller::Controller(Context context)
    : world_(context.world),
      client_(context.client),
      namespaces_(context.informers.For(api::KindOf<corev1::Namespace>())),
      queue_(world_, "namespace") {
  namespaces_.AddHandlers({
      .on_change =
          [this](const auto&, const auto& object) {
            const auto& meta = api::MetaOf(*object);
            if (IsBeingDeleted(meta)) queue_.Add(meta.name());
          },
      .on_delete = nullptr,
  });
  for (const auto* kind : context.served_kinds) {
    if (!kind->namespaced) continue;
    kinds_.push_back(kind);
    if (kind->plural == "events") continue;
    context.informers.For(*kind).AddHandlers({
        .on_change = nullptr,
        .on_delete =
            [this](const auto& object) {
              const auto ns = namespaces_.Get(api::MetaOf(*object).namespace_());
              if (ns && IsBeingDeleted(api::MetaOf(*ns))) queue_.Add(api::MetaOf(*ns).name());
            },
    });
  }
}

void Controller::Start(TaskScope& scope) {
  RunWorkers(scope, queue_, kWorkers, {&namespaces_},
             [this](std::string name) { return Sync(std::move(name)); });
}

Task<Status> Controller::Sync(std::string name) {
  const auto& kind = api::KindOf<corev1::Namespace>();
  auto live = co_await client_.Get(kind, "", name);
  if (!live.ok() && live.error().reason == Reason::kNotFound) co_return Ok();
  if (!live.ok()) co_return std::move(live).error();
  auto ns = As<corev1::Namespace>(*live);
  if (!IsBeingDeleted(ns->metadata()) || !Finalized(*ns)) co_return Ok();

  const Remaining remaining = co_await Sweep(name);
  if (const client::MessagePtr update = WithConditions(*ns, remaining, world_.clock.Now())) {
    CO_TRY(auto updated, co_await client_.UpdateStatus(update));
    ns = As<corev1::Namespace>(updated);
  }
  if (!remaining.errors.empty())
    co_return MakeError(Reason::kInternalError, "empty namespace: " + remaining.errors.front());
  if (!remaining.Nothing()) {
    // Disappearing objects bring us back at once; this is for events that were missed.
    queue_.AddAfter(name, remaining.grace / 2 + std::chrono::seconds(1));
    co_return Ok();
  }
  const client::MessagePtr finalized = Finalized(*ns);
  if (!finalized) co_return Ok();
  auto done = co_await client_.UpdateSubresource(finalized, "finalize");
  if (!done.ok() && done.error().reason != Reason::kNotFound) co_return std::move(done).error();
  co_return Ok();
}

Task<Remaining> Controller::Sweep(std::string name) {
  auto remaining = std::make_shared<Remaining>();
  std::vector<Task<Status>> kinds;
  for (const auto* kind : kinds_) kinds.push_back(EmptyKind(kind, name, remaining));
  auto outcomes = co_await AwaitAll(world_.loop, std::move(kinds));
  for (auto& outcome : outcomes) {
    if (!outcome.ok()) remaining->errors.push_back(outcome.error().message);
  }
  co_return std::move(*remaining);
}

Task<Status> Controller::EmptyKind(const api::KindInfo* kind, std::string ns,
                                   std::shared_ptr<Remaining> remaining) {
  auto counting = Count(kind, ns, true);
  CO_TRY(std::optional<Remaining> found, co_await std::move(counting));
  if (!found) {
    client::DeleteOptions options;
    options.propagation_policy = "Background";
    auto deleting = client_.DeleteCollection(*kind, ns, std::move(options));
    auto deleted = co_await std::move(deleting);
    if (!deleted.ok()) co_return std::move(deleted).error().Wrap("delete " + kind->plural);
    auto again = Count(kind, ns, false);
    CO_TRY(found, co_await std::move(again));
  }
  remaining->Add(*found);
  co_return Ok();
}

Task<Result<std::optional<Remaining>>> Controller::Count(const api::KindInfo* kind, std::string ns,
                                                         bool all_being_deleted) {
  Remaining counted;
  client::ListOptions page;
  page.limit = kPage;
  do {
    auto listing = client_.List(*kind, ns, page);
    CO_TRY(client::ObjectList list, co_await std::move(listing));
    for (const auto& object : list.items) {
      if (all_being_deleted && !IsBeingDeleted(api::MetaOf(*object))) {
        co_return std::optional<Remaining>();
      }
      CountRemaining(ResourceName(*kind), *object, counted);
    }
    page.continue_token = std::move(list.continue_token);
  } while (!page.continue_token.empty());
  co_return std::optional<Remaining>(std::move(counted));
}

}  // namespace wherry::controllers::namespaces
