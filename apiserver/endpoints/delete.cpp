#include "apiserver/endpoints/delete_options.h"
#include "apiserver/endpoints/reply.h"
#include "apiserver/request/status.h"

namespace wherry::apiserver::endpoints {

Reply Delete(Environment& environment, const Resource& resource, ApiRequest& request) {
  CO_TRY(DeleteParameters parameters, ParseDeleteOptions(request));
  auto deleting = environment.store.Delete(resource, CallerOf(request, parameters.write),
                                           request.info.ns, request.info.name, parameters.options);
  CO_TRY(registry::Deleted deleted, co_await std::move(deleting));
  bool asked_to_cascade = parameters.options.orphan_dependents == false;
  int http_status = !deleted.gone && asked_to_cascade ? 202 : 200;
  if (deleted.answer_status) {
    co_return SuccessResponse(http_status, resource.name(), request.info.name, deleted.uid,
                              request.accepted);
  }
  ObjectView view{std::move(deleted.object), std::move(deleted.message)};
  co_return ObjectReply(environment, resource, request, http_status, view);
}

}  // namespace wherry::apiserver::endpoints
