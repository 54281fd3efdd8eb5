#include "apiserver/endpoints/list_options.h"
#include "apiserver/endpoints/reply.h"
#include "apiserver/request/status.h"
#include "apiserver/storage/cacher/cacher.h"
#include "lib/loop/world.h"

namespace wherry::apiserver::endpoints {

// The cache is never behind the store, so any resourceVersion asks only that it has been reached.
Reply Get(Environment& environment, const Resource& resource, ApiRequest& request) {
  std::string_view version = request.query.Get("resourceVersion");
  if (!version.empty() && version != "0") {
    CO_TRY(storage::Revision wanted, ParseResourceVersion(version));
    auto reached = WaitForRevision(environment, wanted);
    CO_TRY_STATUS(co_await std::move(reached));
  }
  ObjectView view;
  view.stored = environment.store.Get(resource, request.info.ns, request.info.name);
  if (!view.stored) co_return NotFoundError(resource.name(), request.info.name);
  co_return ObjectReply(environment, resource, request, 200, view);
}

}  // namespace wherry::apiserver::endpoints
