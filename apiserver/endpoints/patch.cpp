#include "apiserver/endpoints/check_names.h"
#include "apiserver/endpoints/decode.h"
#include "apiserver/endpoints/patch_body.h"
#include "apiserver/endpoints/read_body.h"
#include "apiserver/endpoints/reply.h"
#include "apiserver/endpoints/subresource.h"
#include "apiserver/request/status.h"
#include "lib/api/codec.h"
#include "lib/api/kind_registry.h"

#include <google/protobuf/message.h>
#include <nlohmann/json.hpp>

namespace wherry::apiserver::endpoints {

using google::protobuf::Message;

// The patch is applied to the present object, again when another writer came in between; only a
// resourceVersion inside the patch makes that a conflict.
Reply Patch(Environment& environment, const Resource& resource, ApiRequest& request) {
  CO_TRY(WriteParameters parameters, ParseWriteParameters(request.query, "PatchOptions"));
  auto reading = ReadBody<PatchBody>(environment, request,
                                     [](ApiRequest& body) { return PatchBody::Parse(body); });
  CO_TRY(PatchBody patch, co_await std::move(reading));
  if (!environment.store.Get(resource, request.info.ns, request.info.name)) {
    co_return NotFoundError(resource.name(), request.info.name);
  }
  registry::UpdateRequest update;
  update.ns = request.info.ns;
  update.name = request.info.name;
  update.strategy = StrategyOf(resource, request.info.subresource);
  update.updater = [&resource, &request, &patch,
                    parameters](const Message* current) -> Result<std::unique_ptr<Message>> {
    if (current == nullptr) return NotFoundError(resource.name(), request.info.name);
    TRY(json::Value document, patch.Apply(api::ToDocument(*current), *resource.kind->schema));
    if (!document.is_object()) return BadRequestError("the patch leaves no object");
    request.warnings.clear();
    TRY(std::unique_ptr<Message> object,
        ObjectFromDocument(resource, std::move(document), request, parameters.field_validation,
                           patch.duplicates()));
    TRY_STATUS(CheckNames(request.info, *object));
    return object;
  };
  auto updating =
      environment.store.Update(resource, CallerOf(request, parameters), std::move(update));
  CO_TRY(registry::Written written, co_await std::move(updating));
  co_return WrittenReply(environment, resource, request, std::move(written));
}

}  // namespace wherry::apiserver::endpoints
