#pragma once

#include "apiserver/endpoints/endpoint.h"
#include "apiserver/storage/cacher/cached_object.h"

#include <memory>
#include <string>

namespace wherry::apiserver::endpoints {

// One object on its way out: as stored, or a message that is not (dry runs).
struct ObjectView {
  storage::ObjectPtr stored;
  std::shared_ptr<const google::protobuf::Message> message;  // used when `stored` is null

  Result<std::shared_ptr<const google::protobuf::Message>> AsMessage() const;
};

// What the client asked for: the object, a Table of it, or its metadata, in its encoding.
Result<http::Response> ObjectReply(Environment& environment, const Resource& resource,
                                   const ApiRequest& request, int http_status,
                                   const ObjectView& object);
// The same for what a write gave, with its warnings moved into the request.
Result<http::Response> WrittenReply(Environment& environment, const Resource& resource,
                                    ApiRequest& request, registry::Written written);

// metadata only, as meta.k8s.io/v1 PartialObjectMetadata.
std::string PartialObjectMetadataJson(const google::protobuf::Message& object);
std::string PartialObjectMetadataProtobuf(const google::protobuf::Message& object);

}  // namespace wherry::apiserver::endpoints
