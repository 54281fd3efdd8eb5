#include "apiserver/endpoints/watch_encoder.h"

#include "apiserver/endpoints/reply.h"
#include "apiserver/request/status.h"
#include "lib/api/codec.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "lib/loop/world.h"
#include "proto/api/meta/v1.pb.h"

#include <google/protobuf/message.h>

namespace wherry::apiserver::endpoints {

namespace {

constexpr std::string_view kInitialEventsEnd = "k8s.io/initial-events-end";

http::Chunk BytesChunk(std::string bytes) {
  http::Chunk chunk;
  chunk.bytes = std::make_shared<const std::string>(std::move(bytes));
  return chunk;
}

}  // namespace

WatchEncoder::WatchEncoder(const Resource& resource, const Accepted& accepted,
                           IncludeObject include, bool wants_objects, Clock& clock)
    : resource_(resource),
      accepted_(accepted),
      include_(include),
      wants_objects_(wants_objects),
      clock_(clock) {}

storage::WatchEncoding WatchEncoder::encoding() const {
  return accepted_.encoding == Encoding::kProtobuf ? storage::WatchEncoding::kProtobuf
                                                   : storage::WatchEncoding::kJson;
}

std::string WatchEncoder::ContentType() const {
  if (accepted_.encoding == Encoding::kProtobuf) {
    return "application/vnd.kubernetes.protobuf;stream=watch";
  }
  return "application/json";
}

Result<http::Chunk> WatchEncoder::Transformed(std::string_view type,
                                              const google::protobuf::Message& object) {
  std::string body;
  if (accepted_.as == Accepted::As::kTable) {
    body = TableOfOne(resource_.strategy->Printer(), accepted_.table_version, object, clock_.Now(),
                      include_, !columns_sent_);
    columns_sent_ = true;
  } else if (accepted_.encoding == Encoding::kProtobuf) {
    body = PartialObjectMetadataProtobuf(object);
  } else {
    body = PartialObjectMetadataJson(object);
  }
  return BytesChunk(storage::MakeWatchFrame(type, body, encoding()));
}

Result<http::Chunk> WatchEncoder::Initial(const storage::ObjectPtr& object) {
  return Fresh("ADDED", resource_.Show(object));
}

Result<http::Chunk> WatchEncoder::Fresh(std::string_view type, const storage::ObjectPtr& object) {
  http::Chunk chunk;
  if (wants_objects_) {
    TRY(chunk.object, object->message());
    chunk.event_type = type;
    return chunk;
  }
  if (!TellsWholeObjects()) {
    TRY(auto message, object->message());
    return Transformed(type, *message);
  }
  if (encoding() == storage::WatchEncoding::kProtobuf) {
    TRY(auto bytes, object->protobuf());
    return BytesChunk(storage::MakeWatchFrame(type, *bytes, encoding()));
  }
  std::string frame = "{\"type\":\"" + std::string(type) + "\",\"object\":";
  object->AppendJson(frame);
  frame += "}\n";
  return BytesChunk(std::move(frame));
}

Result<http::Chunk> WatchEncoder::Event(const storage::WatchItem& item) {
  http::Chunk chunk;
  std::string_view type = storage::WatchTypeName(item.type);
  if (resource_.stored_form != nullptr) return Fresh(type, resource_.Show(item.object()));
  if (wants_objects_) {
    TRY(chunk.object, item.object()->message());
    chunk.event_type = type;
    return chunk;
  }
  if (!TellsWholeObjects()) {
    TRY(auto message, item.object()->message());
    return Transformed(type, *message);
  }
  TRY(chunk.bytes, item.Frame(encoding()));
  return chunk;
}

Result<http::Chunk> WatchEncoder::Bookmark(storage::Revision revision, bool initial_events_end) {
  constexpr std::string_view kBookmark = "BOOKMARK";
  std::shared_ptr<google::protobuf::Message> object(resource_.kind->New());
  auto* metadata = api::MutableMetaOf(object.get());
  metadata->set_resourceversion(std::to_string(revision));
  if (initial_events_end) {
    (*metadata->mutable_annotations())[std::string(kInitialEventsEnd)] = "true";
  }
  if (wants_objects_) {
    http::Chunk chunk;
    chunk.object = std::move(object);
    chunk.event_type = kBookmark;
    return chunk;
  }
  if (!TellsWholeObjects()) return Transformed(kBookmark, *object);
  std::string body = encoding() == storage::WatchEncoding::kProtobuf ? api::ToProtobuf(*object)
                                                                     : api::ToJson(*object);
  return BytesChunk(storage::MakeWatchFrame(kBookmark, body, encoding()));
}

http::Chunk WatchEncoder::ErrorEvent(const Error& error) const {
  constexpr std::string_view kError = "ERROR";
  http::Chunk chunk;
  if (wants_objects_) {
    chunk.object = StatusMessage(error);
    chunk.event_type = kError;
    return chunk;
  }
  std::string body =
      encoding() == storage::WatchEncoding::kProtobuf ? StatusProtobuf(error) : StatusJson(error);
  return BytesChunk(storage::MakeWatchFrame(kError, body, encoding()));
}

}  // namespace wherry::apiserver::endpoints
