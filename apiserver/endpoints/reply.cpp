#include "apiserver/endpoints/reply.h"

#include "apiserver/endpoints/table.h"
#include "apiserver/request/status.h"
#include "lib/api/codec.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "lib/loop/world.h"
#include "proto/api/meta/v1.pb.h"

#include <google/protobuf/message.h>

namespace wherry::apiserver::endpoints {

using google::protobuf::Message;

namespace {

api::meta::v1::PartialObjectMetadata PartialOf(const Message& object) {
  api::meta::v1::PartialObjectMetadata partial;
  *partial.mutable_metadata() = api::MetaOf(object);
  return partial;
}

http::Response JsonReply(int http_status, std::string text, const Accepted& accepted) {
  http::Response response;
  response.status = http_status;
  response.body = DressJson(std::move(text), accepted.encoding, accepted.pretty);
  SetContentType(response, accepted.encoding);
  return response;
}

// The object itself: stored bytes wherever there are some.
Result<http::Response> WholeObject(int http_status, const ObjectView& object,
                                   const Accepted& accepted) {
  http::Response response;
  response.status = http_status;
  if (!object.stored) return MessageResponse(http_status, *object.message, accepted);
  if (accepted.encoding == Encoding::kProtobuf) {
    TRY(response.shared_body, object.stored->protobuf());
    SetContentType(response, accepted.encoding);
    return response;
  }
  if (accepted.encoding == Encoding::kJson && !accepted.pretty) {
    object.stored->AppendJson(response.body);
    SetContentType(response, accepted.encoding);
    return response;
  }
  return JsonReply(http_status, *object.stored->json(), accepted);
}

}  // namespace

Result<std::shared_ptr<const Message>> ObjectView::AsMessage() const {
  if (!stored) return message;
  return stored->message();
}

std::string PartialObjectMetadataJson(const Message& object) {
  return api::ToJson(PartialOf(object));
}

std::string PartialObjectMetadataProtobuf(const Message& object) {
  return api::ToProtobuf(PartialOf(object));
}

Result<http::Response> ObjectReply(Environment& environment, const Resource& resource,
                                   const ApiRequest& request, int http_status,
                                   const ObjectView& object) {
  const Accepted& accepted = request.accepted;
  if (request.http.wants_objects) {
    http::Response response;
    response.status = http_status;
    TRY(response.object, object.AsMessage());
    return response;
  }
  switch (accepted.as) {
    case Accepted::As::kObject:
      return WholeObject(http_status, object, accepted);
    case Accepted::As::kTable: {
      TRY(IncludeObject include, ParseIncludeObject(request.query));
      TRY(auto message, object.AsMessage());
      return JsonReply(http_status,
                       TableOfOne(resource.strategy->Printer(), accepted.table_version, *message,
                                  environment.world.clock.Now(), include, true),
                       accepted);
    }
    case Accepted::As::kPartialObjectMetadata: {
      TRY(auto message, object.AsMessage());
      return MessageResponse(http_status, PartialOf(*message), accepted);
    }
    case Accepted::As::kPartialObjectMetadataList:
      break;
  }
  return MakeError(Reason::kNotAcceptable,
                   "you requested PartialObjectMetadataList, but the requested object is not a "
                   "list (" +
                       resource.kind->kind + ")");
}

Result<http::Response> WrittenReply(Environment& environment, const Resource& resource,
                                    ApiRequest& request, registry::Written written) {
  for (std::string& warning : written.warnings) request.warnings.push_back(std::move(warning));
  ObjectView view{std::move(written.object), std::move(written.message)};
  return ObjectReply(environment, resource, request, written.created ? 201 : 200, view);
}

}  // namespace wherry::apiserver::endpoints
