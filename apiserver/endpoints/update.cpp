#include "apiserver/authz/authorizer.h"
#include "apiserver/endpoints/check_names.h"
#include "apiserver/endpoints/decode.h"
#include "apiserver/endpoints/reply.h"
#include "apiserver/endpoints/subresource.h"

#include <google/protobuf/message.h>

namespace wherry::apiserver::endpoints {

using google::protobuf::Message;

Reply Update(Environment& environment, const Resource& resource, ApiRequest& request) {
  CO_TRY(WriteParameters parameters, ParseWriteParameters(request.query, "UpdateOptions"));
  auto decoding = DecodeObject(environment, resource, request, parameters.field_validation);
  CO_TRY(std::unique_ptr<Message> decoded, co_await std::move(decoding));
  CO_TRY_STATUS(CheckNames(request.info, *decoded));
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
  update.may_create = [&environment, &request] {
    RequestInfo creating = request.info;
    creating.verb = "create";
    return environment.authorizer.Authorize(request.user, creating);
  };
  auto updating =
      environment.store.Update(resource, CallerOf(request, parameters), std::move(update));
  CO_TRY(registry::Written written, co_await std::move(updating));
  co_return WrittenReply(environment, resource, request, std::move(written));
}

}  // namespace wherry::apiserver::endpoints
