// The protobuf form on the wire: "k8s\0", then a runtime.Unknown around the message.

#include "lib/api/codec.h"
#include "lib/api/kind_registry.h"
#include "lib/api/varint.h"
#include "proto/api/meta/v1.pb.h"

#include <google/protobuf/message.h>

namespace wherry::api {
namespace {

namespace pb = google::protobuf;

constexpr std::string_view kMagic{"k8s\0", 4};

// Tags of runtime.Unknown: all its fields are length-delimited.
constexpr char kTypeMetaTag = 0x0A;
constexpr char kRawTag = 0x12;
constexpr std::string_view kEmptyEncodingAndType{"\x1A\x00\x22\x00", 4};
// Tags of its TypeMeta.
constexpr char kApiVersionTag = 0x0A;
constexpr char kKindTag = 0x12;

void AppendField(std::string& out, char tag, std::string_view value) {
  out += tag;
  AppendVarint(out, value.size());
  out += value;
}

// Everything before the raw message's bytes, its length included.
std::string Head(std::string_view api_version, std::string_view kind, size_t raw_size) {
  std::string type_meta;
  AppendField(type_meta, kApiVersionTag, api_version);
  AppendField(type_meta, kKindTag, kind);
  std::string out;
  out.reserve(kMagic.size() + type_meta.size() + raw_size + 16);
  out += kMagic;
  AppendField(out, kTypeMetaTag, type_meta);
  out += kRawTag;
  AppendVarint(out, raw_size);
  return out;
}

// Reads base-128 numbers and length-delimited fields off the front.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  bool done() const { return bytes_.empty(); }
  bool Number(uint64_t* number) {
    *number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (bytes_.empty()) return false;
      const auto byte = static_cast<unsigned char>(bytes_[0]);
      bytes_.remove_prefix(1);
      *number |= uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  // The next field; `value` is empty for numbers, which the envelope does not use.
  bool Field(uint64_t* field_number, std::string_view* value) {
    uint64_t tag = 0;
    uint64_t number = 0;
    if (!Number(&tag)) return false;
    *field_number = tag >> 3U;
    *value = {};
    switch (tag & 7U) {
      case 0:
        return Number(&number);
      case 1:
        return Take(8, value);
      case 2:
        return Number(&number) && Take(number, value);
      case 5:
        return Take(4, value);
      default:
        return false;
    }
  }

 private:
  bool Take(uint64_t size, std::string_view* value) {
    if (size > bytes_.size()) return false;
    *value = bytes_.substr(0, static_cast<size_t>(size));
    bytes_.remove_prefix(static_cast<size_t>(size));
    return true;
  }
  std::string_view bytes_;
};

bool ReadTypeMeta(std::string_view bytes, UnknownEnvelope* envelope) {
  Reader reader(bytes);
  while (!reader.done()) {
    uint64_t field = 0;
    std::string_view value;
    if (!reader.Field(&field, &value)) return false;
    if (field == 1) envelope->api_version = value;
    if (field == 2) envelope->kind = value;
  }
  return true;
}

}  // namespace

bool HasProtobufMagic(std::string_view bytes) { return bytes.starts_with(kMagic); }

Result<UnknownEnvelope> ParseEnvelope(std::string_view bytes) {
  if (!HasProtobufMagic(bytes)) {
    return MakeError(
        Reason::kBadRequest,
        "provided data does not appear to be a protobuf message, expected prefix 'k8s\\x00'");
  }
  bytes.remove_prefix(kMagic.size());
  UnknownEnvelope envelope;
  Reader reader(bytes);
  while (!reader.done()) {
    uint64_t field = 0;
    std::string_view value;
    if (!reader.Field(&field, &value) || (field == 1 && !ReadTypeMeta(value, &envelope))) {
      return MakeError(Reason::kBadRequest, "malformed runtime.Unknown in protobuf message");
    }
    if (field == 2) envelope.raw = value;
    if (field == 3) envelope.content_encoding = value;
    if (field == 4) envelope.content_type = value;
  }
  if (!envelope.content_encoding.empty() ||
      (!envelope.content_type.empty() && envelope.content_type != kProtobufMediaType)) {
    return MakeError(Reason::kBadRequest,
                     "runtime.Unknown in protobuf message holds content of type '" +
                         envelope.content_type + "' and encoding '" + envelope.content_encoding +
                         "', which is not supported");
  }
  return envelope;
}

std::string WrapProtobuf(std::string_view raw, std::string_view api_version,
                         std::string_view kind) {
  std::string out = Head(api_version, kind, raw.size());
  out += raw;
  out += kEmptyEncodingAndType;
  return out;
}

std::string ToProtobuf(const pb::Message& message, std::string_view api_version,
                       std::string_view kind) {
  const size_t raw_size = message.ByteSizeLong();
  std::string out = Head(api_version, kind, raw_size);
  const size_t head_size = out.size();
  out.resize(head_size + raw_size);
  message.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(out.data()) + head_size);
  out += kEmptyEncodingAndType;
  return out;
}

std::string ToProtobuf(const pb::Message& message) {
  const KindInfo& kind = KindOf(message);
  return ToProtobuf(message, kind.ApiVersion(), kind.kind);
}

Result<std::unique_ptr<pb::Message>> FromProtobuf(std::string_view bytes) {
  TRY(UnknownEnvelope envelope, ParseEnvelope(bytes));
  TRY(GroupVersion group_version, GroupVersion::Parse(envelope.api_version));
  const KindInfo* kind = FindKind(group_version.group, group_version.version, envelope.kind);
  if (kind == nullptr) {
    return MakeError(Reason::kBadRequest, "no kind \"" + envelope.kind +
                                              "\" is registered for version \"" +
                                              envelope.api_version + "\"");
  }
  std::unique_ptr<pb::Message> message = kind->New();
  if (!message->ParseFromArray(envelope.raw.data(), static_cast<int>(envelope.raw.size()))) {
    return MakeError(Reason::kBadRequest, "malformed protobuf message of kind " + envelope.kind);
  }
  return message;
}

}  // namespace wherry::api
