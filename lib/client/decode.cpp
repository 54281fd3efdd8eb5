#include "lib/client/decode.h"

#include "lib/api/codec.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "proto/api/meta/v1.pb.h"

#include <algorithm>

namespace wherry::client {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// What a reply without a readable Status means.
Reason ReasonFromHttpCode(int code) {
  switch (code) {
    case 400:
      return Reason::kBadRequest;
    case 401:
      return Reason::kUnauthorized;
    case 403:
      return Reason::kForbidden;
    case 404:
      return Reason::kNotFound;
    case 405:
      return Reason::kMethodNotAllowed;
    case 406:
      return Reason::kNotAcceptable;
    case 409:
      return Reason::kConflict;
    case 410:
      return Reason::kExpired;
    case 413:
      return Reason::kRequestEntityTooLarge;
    case 415:
      return Reason::kUnsupportedMediaType;
    case 422:
      return Reason::kInvalid;
    case 429:
      return Reason::kTooManyRequests;
    case 503:
      return Reason::kServiceUnavailable;
    case 504:
      return Reason::kTimeout;
    default:
      return code >= 500 ? Reason::kInternalError : Reason::kUnknown;
  }
}

// Fills `message` from a body in whichever of the two media types it is.
Status Decode(std::string_view body, Message& message) {
  // The transport limits what is read; the server's objects may be as large as it lets them.
  const json::ParseLimits none{.max_bytes = SIZE_MAX};
  if (!api::HasProtobufMagic(body)) return api::FromJson(body, &message, nullptr, none);
  TRY(const api::UnknownEnvelope envelope, api::ParseEnvelope(body));
  if (!message.ParsePartialFromArray(envelope.raw.data(), static_cast<int>(envelope.raw.size()))) {
    return MakeError(Reason::kInternalError,
                     "decode " + envelope.api_version + " " + envelope.kind + ": malformed");
  }
  return Ok();
}

const FieldDescriptor& ItemsField(const Message& list) {
  const FieldDescriptor* field = list.GetDescriptor()->FindFieldByName("items");
  CHECK_THAT(field != nullptr && field->is_repeated(), list.GetTypeName());
  return *field;
}

void CopyListMeta(const api::meta::v1::ListMeta& meta, ObjectList& list) {
  list.resource_version = meta.resourceversion();
  list.continue_token = meta.continue_();
}

}  // namespace

Error ErrorFromStatus(const api::meta::v1::Status& status) {
  Reason reason = ReasonFromName(status.reason());
  if (reason == Reason::kUnknown) reason = ReasonFromHttpCode(status.code());
  if (status.code() == 410) reason = Reason::kExpired;
  Error error = MakeError(reason, status.message());
  const auto& details = status.details();
  error.details.name = details.name();
  error.details.group = details.group();
  error.details.kind = details.kind();
  error.details.uid = details.uid();
  error.details.retry_after_seconds = details.retryafterseconds();
  for (const auto& cause : details.causes()) {
    error.details.causes.push_back(
        {.reason = cause.reason(), .message = cause.message(), .field = cause.field()});
  }
  return error;
}

Error ErrorFromResponse(const http::Response& response, std::string_view body) {
  if (const auto* status = dynamic_cast<const api::meta::v1::Status*>(response.object.get())) {
    return ErrorFromStatus(*status);
  }
  api::meta::v1::Status status;
  if (const bool decoded = Decode(body, status).ok(); decoded && status.status() == "Failure") {
    if (!status.has_code()) status.set_code(response.status);
    return ErrorFromStatus(status);
  }
  constexpr size_t kShown = 200;
  return MakeError(ReasonFromHttpCode(response.status), "the server answered " +
                                                            std::to_string(response.status) + ": " +
                                                            std::string(body.substr(0, kShown)));
}

Task<Result<std::string>> ReadBody(http::Response response) {
  if (response.shared_body) co_return std::string(*response.shared_body);
  if (!response.stream) co_return std::move(response.body);
  std::string body;
  while (true) {
    auto pulling = response.stream->Next();
    CO_TRY(std::optional<http::Chunk> chunk, co_await std::move(pulling));
    if (!chunk) co_return body;
    if (chunk->bytes) body += *chunk->bytes;
  }
}

Result<MessagePtr> DecodeObject(const api::KindInfo& kind, std::string_view body) {
  std::unique_ptr<Message> message = kind.New();
  if (Status decoded = Decode(body, *message); !decoded.ok()) {
    return MakeError(Reason::kInternalError,
                     "decode the server's " + kind.kind + ": " + decoded.error().message);
  }
  return MessagePtr(std::move(message));
}

Result<ObjectList> DecodeList(const api::KindInfo& kind, std::string_view body) {
  std::unique_ptr<Message> message = kind.NewList();
  if (Status decoded = Decode(body, *message); !decoded.ok()) {
    return MakeError(Reason::kInternalError,
                     "decode the server's " + kind.list_kind + ": " + decoded.error().message);
  }
  ObjectList list;
  CopyListMeta(api::ListMetaOf(*message), list);
  // Taken out of the list one by one, so that an item's memory goes with the item.
  const FieldDescriptor& items = ItemsField(*message);
  const auto* reflection = message->GetReflection();
  const int count = reflection->FieldSize(*message, &items);
  list.items.resize(static_cast<size_t>(count));
  for (auto item = list.items.rbegin(); item != list.items.rend(); ++item) {
    *item = MessagePtr(reflection->ReleaseLast(message.get(), &items));
  }
  return list;
}

ObjectList ItemsOfShared(const MessagePtr& shared) {
  ObjectList list;
  CopyListMeta(api::ListMetaOf(*shared), list);
  const FieldDescriptor& items = ItemsField(*shared);
  const auto* reflection = shared->GetReflection();
  const int count = reflection->FieldSize(*shared, &items);
  list.items.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    list.items.emplace_back(shared, &reflection->GetRepeatedMessage(*shared, &items, i));
  }
  return list;
}

}  // namespace wherry::client
