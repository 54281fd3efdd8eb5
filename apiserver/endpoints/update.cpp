#include "apiserver/endpoints/decode.h"
#include "apiserver/endpoints/reply.h"
#include "apiserver/endpoints/subresource.h"
#include "apiserver/request/status.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "proto/api/meta/v1.pb.h"

#include <google/protobuf/message.h>

namespace wherry::apiserver::endpoints {

using google::protobuf::Message;

namespace {

// A body names the object that the path names, or leaves it open.
Status CheckNames(const RequestInfo& info, bool namespaced, Message& object) {
  auto& metadata = *api::MutableMetaOf(&object);
  if (metadata.name().empty()) metadata.set_name(info.name);
  if (metadata.name() != info.name) {
    return BadRequestError("the name of the object (" + metadata.name() +
                           ") does not match the name on the URL (" + info.name + ")");
  }
  if (!namespaced) return Ok();
  if (metadata.namespace_().empty()) metadata.set_namespace_(info.ns);
  if (metadata.namespace_() != info.ns) {
    return BadRequestError("the namespace of the object (" + metadata.namespace_() +
                           ") does not match the namespace on the URL (" + info.ns + ")");
  }
  return Ok();
}

}  // namespace

Reply Update(Environment& environment, const Resource& resource, ApiRequest& request) {
  CO_TRY(WriteParameters parameters, ParseWriteParameters(request.query, "UpdateOptions"));
  CO_TRY(std::unique_ptr<Message> decoded,
         DecodeObject(environment, resource, request, parameters.field_validation));
  CO_TRY_STATUS(CheckNames(request.info, resource.kind->namespaced, *decoded));
  std::shared_ptr<const Message> object(std::move(decoded));
  registry::UpdateRequest update;
  update.ns = request.info.ns;
  update.name = request.info.name;
  update.strategy = StrategyOf(resource, request.info.subresource);
  update.updater = [object](const Message*) -> Result<std::unique_ptr<Message>> {
    std::unique_ptr<Message> copy(object->New());
    copy->CopyFrom(*object);
    return copy;
  };
  auto updating =
      environment.store.Update(resource, CallerOf(request, parameters), std::move(update));
  CO_TRY(registry::Written written, co_await std::move(updating));
  co_return WrittenReply(environment, resource, request, std::move(written));
}

}  // namespace wherry::apiserver::endpoints
