#include "apiserver/endpoints/decode.h"
#include "apiserver/endpoints/reply.h"
#include "apiserver/request/status.h"
#include "lib/api/object_meta.h"

#include <google/protobuf/message.h>

namespace wherry::apiserver::endpoints {

Reply Create(Environment& environment, const Resource& resource, ApiRequest& request) {
  CO_TRY(WriteParameters parameters, ParseWriteParameters(request.query, "CreateOptions"));
  auto decoding = DecodeObject(environment, resource, request, parameters.field_validation);
  CO_TRY(std::unique_ptr<google::protobuf::Message> object, co_await std::move(decoding));
  auto creating = environment.store.Create(resource, CallerOf(request, parameters), request.info.ns,
                                           std::move(object));
  CO_TRY(registry::Written written, co_await std::move(creating));
  co_return WrittenReply(environment, resource, request, std::move(written));
}

}  // namespace wherry::apiserver::endpoints
