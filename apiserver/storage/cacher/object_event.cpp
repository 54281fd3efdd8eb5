#include "apiserver/storage/cacher/object_event.h"

#include "lib/api/varint.h"

#include <utility>

namespace wherry::apiserver::storage {
namespace {

using api::AppendVarint;
using api::VarintSize;

// metav1.WatchEvent{type = 1, object = 2}, object being a runtime.RawExtension{raw = 1}; behind its
// length in 4 bytes, as apimachinery's length-delimited framer writes it.
std::string ProtobufFrame(std::string_view type, std::string_view object) {
  const size_t raw_size = 1 + VarintSize(object.size()) + object.size();
  const size_t size =
      1 + VarintSize(type.size()) + type.size() + 1 + VarintSize(raw_size) + raw_size;
  std::string frame;
  frame.reserve(4 + size);
  for (int shift = 24; shift >= 0; shift -= 8) frame += static_cast<char>(size >> shift);
  frame += '\x0a';
  AppendVarint(frame, type.size());
  frame += type;
  frame += '\x12';
  AppendVarint(frame, raw_size);
  frame += '\x0a';
  AppendVarint(frame, object.size());
  frame += object;
  return frame;
}

}  // namespace

std::string_view WatchTypeName(WatchType type) {
  switch (type) {
    case WatchType::kAdded:
      return "ADDED";
    case WatchType::kModified:
      return "MODIFIED";
    case WatchType::kDeleted:
      return "DELETED";
  }
  return "";
}

std::string MakeWatchFrame(std::string_view type, std::string_view object, WatchEncoding encoding) {
  if (encoding == WatchEncoding::kProtobuf) return ProtobufFrame(type, object);
  std::string frame;
  frame.reserve(object.size() + 40);
  frame += "{\"type\":\"";
  frame += type;
  frame += "\",\"object\":";
  frame += object;
  frame += "}\n";
  return frame;
}

ObjectEvent::ObjectEvent(Revision revision, ObjectPtr object, ObjectPtr previous)
    : revision_(revision), object_(std::move(object)), previous_(std::move(previous)) {
  CHECK(object_ || previous_);
}

ObjectEvent::~ObjectEvent() = default;

WatchType ObjectEvent::type() const {
  if (!object_) return WatchType::kDeleted;
  return previous_ ? WatchType::kModified : WatchType::kAdded;
}

const ObjectPtr& ObjectEvent::ObjectFor(WatchType type) const {
  if (type != WatchType::kDeleted) return object_;
  CHECK(previous_);
  if (!departed_) {
    KeyValue last = previous_->kv();
    last.mod_revision = revision_;
    departed_ = std::make_shared<const CachedObject>(std::move(last), previous_->codec());
  }
  return departed_;
}

Result<SharedBytes> ObjectEvent::Frame(WatchType type, WatchEncoding encoding) const {
  for (const Encoded& frame : frames_)
    if (frame.type == type && frame.encoding == encoding) return frame.bytes;
  const ObjectPtr& object = ObjectFor(type);
  std::string frame;
  if (encoding == WatchEncoding::kProtobuf) {
    TRY(SharedBytes envelope, object->protobuf());
    frame = ProtobufFrame(WatchTypeName(type), *envelope);
  } else {
    frame = "{\"type\":\"" + std::string(WatchTypeName(type)) + "\",\"object\":";
    frame.reserve(frame.size() + object->kv().value->size() + 64);
    object->AppendJson(frame);
    frame += "}\n";
  }
  auto bytes = std::make_shared<const std::string>(std::move(frame));
  if (!cold_) frames_.push_back({type, encoding, bytes});
  return bytes;
}

void ObjectEvent::Cool() const {
  cold_ = true;
  frames_ = {};
  if (object_) object_->Trim();
  if (previous_) previous_->Trim();
}

}  // namespace wherry::apiserver::storage
