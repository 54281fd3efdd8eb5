#include "apiserver/endpoints/delete_options.h"
#include "apiserver/endpoints/list_body.h"
#include "apiserver/endpoints/list_options.h"
#include "apiserver/endpoints/places.h"
#include "apiserver/request/status.h"
#include "apiserver/storage/cacher/cacher.h"
#include "lib/api/object_meta.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "proto/api/meta/v1.pb.h"

namespace wherry::apiserver::endpoints {

namespace {

// What the deletions of one request share.
struct Progress {
  explicit Progress(Loop& loop) : finished(loop) {}
  size_t running = 0;
  std::optional<Error> failure;
  Notifier finished;
};

// Whether the object of that name is another one by now, or none: gone is gone.
bool IsGone(const registry::Store& store, const Resource& resource,
            const api::meta::v1::ObjectMeta& listed) {
  auto object = store.Get(resource, listed.namespace_(), listed.name());
  if (!object) return true;
  auto message = object->message();
  return message.ok() && api::MetaOf(**message).uid() != listed.uid();
}

// Deletes the object as it was listed, not one that took its name while this one waited.
Task<void> DeleteOne(registry::Store& store, const Resource& resource, registry::Caller caller,
                     storage::ObjectPtr object, registry::DeleteOptions options, Progress& progress,
                     Places::Place /*place*/) {
  auto message = object->message();
  if (message.ok()) {
    const auto& metadata = api::MetaOf(**message);
    if (options.uid.empty()) options.uid = metadata.uid();
    auto deleting = store.Delete(resource, std::move(caller), metadata.namespace_(),
                                 metadata.name(), std::move(options));
    auto deleted = co_await std::move(deleting);
    if (!deleted.ok() && !IsGone(store, resource, metadata)) {
      progress.failure = deleted.error();
    }
  } else {
    progress.failure = message.error();
  }
  --progress.running;
  progress.finished.Notify();
}

}  // namespace

Reply DeleteCollection(Environment& environment, const Resource& resource, ApiRequest& request) {
  CO_TRY(DeleteParameters parameters, ParseDeleteOptions(request));
  CO_TRY(ListOptions options, ParseListOptions(resource, request));
  // With a limit one page goes; without one everything does.
  auto reading = ReadPage(environment, resource, request.info.ns, options);
  CO_TRY(storage::ObjectList listed, co_await std::move(reading));
  Progress progress(environment.world.loop);
  TaskScope scope(environment.world.loop);
  for (const storage::ObjectPtr& object : listed.items) {
    while (environment.bulk->full()) co_await environment.bulk->Freed();
    if (progress.failure) break;
    ++progress.running;
    scope.Spawn("delete one of a collection",
                DeleteOne(environment.store, resource, CallerOf(request, parameters.write), object,
                          parameters.options, progress, Places::Place(*environment.bulk)));
  }
  while (progress.running > 0) co_await progress.finished.Wait();
  if (progress.failure) co_return *progress.failure;
  ListView view;
  view.revision = listed.revision;
  view.continue_token = ContinueAfter(listed, resource);
  view.items = std::move(listed.items);
  co_return ListReply(environment, resource, request, std::move(view));
}

}  // namespace wherry::apiserver::endpoints
