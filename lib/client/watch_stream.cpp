#include "lib/client/watch_stream.h"

#include "lib/api/codec.h"
#include "lib/api/kind_registry.h"
#include "lib/client/decode.h"
#include "proto/api/meta/v1.pb.h"

namespace wherry::client {
namespace {

constexpr size_t kFrameBytesMax = 16 * 1024 * 1024;
constexpr size_t kPrefixBytes = 4;

std::optional<WatchEvent::Type> TypeFromName(std::string_view name) {
  if (name == "ADDED") return WatchEvent::Type::kAdded;
  if (name == "MODIFIED") return WatchEvent::Type::kModified;
  if (name == "DELETED") return WatchEvent::Type::kDeleted;
  if (name == "BOOKMARK") return WatchEvent::Type::kBookmark;
  return std::nullopt;
}

Error UnknownType(std::string_view name) {
  return MakeError(Reason::kInternalError, "watch: unknown event type '" + std::string(name) + "'");
}

Result<WatchEvent> SharedEvent(const api::KindInfo& kind, const http::Chunk& chunk) {
  if (const auto* status = dynamic_cast<const api::meta::v1::Status*>(chunk.object.get())) {
    return ErrorFromStatus(*status);
  }
  const auto type = TypeFromName(chunk.event_type);
  if (!type) return UnknownType(chunk.event_type);
  if (chunk.object->GetDescriptor() != kind.descriptor) {
    return MakeError(Reason::kInternalError,
                     "watch " + kind.plural + ": got a " + chunk.object->GetTypeName());
  }
  return WatchEvent{*type, chunk.object};
}

}  // namespace

Result<WatchEvent> DecodeWatchEvent(const api::KindInfo& kind, std::string_view frame) {
  if (api::HasProtobufMagic(frame)) {
    TRY(const api::UnknownEnvelope envelope, api::ParseEnvelope(frame));
    frame = envelope.raw;
  }
  api::meta::v1::WatchEvent event;
  if (!event.ParsePartialFromArray(frame.data(), static_cast<int>(frame.size()))) {
    return MakeError(Reason::kInternalError, "watch: malformed event");
  }
  const std::string& raw = event.object().raw();
  if (event.type() == "ERROR") {
    http::Response response;
    response.status = ReasonHttpCode(Reason::kInternalError);
    return ErrorFromResponse(response, raw);
  }
  const auto type = TypeFromName(event.type());
  if (!type) return UnknownType(event.type());
  TRY(MessagePtr object, DecodeObject(kind, raw));
  return WatchEvent{*type, std::move(object)};
}

Result<std::optional<WatchEvent>> WatchStream::TakeFrame() {
  const std::string_view rest = std::string_view(buffer_).substr(consumed_);
  if (rest.size() < kPrefixBytes) return std::optional<WatchEvent>();
  size_t length = 0;
  for (const char c : rest.substr(0, kPrefixBytes)) {
    length = length << 8 | static_cast<unsigned char>(c);
  }
  if (length > kFrameBytesMax) {
    return MakeError(Reason::kInternalError,
                     "watch: frame of " + std::to_string(length) + " bytes is too large");
  }
  if (rest.size() < kPrefixBytes + length) return std::optional<WatchEvent>();
  TRY(WatchEvent event, DecodeWatchEvent(kind_, rest.substr(kPrefixBytes, length)));
  consumed_ += kPrefixBytes + length;
  return std::optional<WatchEvent>(std::move(event));
}

Task<Result<std::optional<WatchEvent>>> WatchStream::Next() {
  while (true) {
    CO_TRY(std::optional<WatchEvent> event, TakeFrame());
    if (event) co_return event;
    buffer_.erase(0, consumed_);
    consumed_ = 0;
    if (buffer_.empty()) buffer_.shrink_to_fit();
    auto pulling = source_->Next();
    CO_TRY(std::optional<http::Chunk> chunk, co_await std::move(pulling));
    if (!chunk) {
      if (buffer_.empty()) co_return std::optional<WatchEvent>();
      co_return MakeError(Reason::kServiceUnavailable, "watch: connection lost inside an event");
    }
    if (chunk->object) {
      CO_TRY(WatchEvent shared, SharedEvent(kind_, *chunk));
      co_return std::optional<WatchEvent>(std::move(shared));
    }
    if (chunk->bytes) buffer_ += *chunk->bytes;
  }
}

}  // namespace wherry::client
