#include "lib/api/base64.h"
#include "lib/api/codec.h"
#include "lib/api/intstr.h"
#include "lib/api/json_walk.h"
#include "lib/api/quantity.h"
#include "lib/api/time.h"
#include "lib/base/check.h"
#include "proto/api/meta/v1.pb.h"

#include <nlohmann/json.hpp>

#include <charconv>

namespace wherry::api {
namespace {

namespace pb = google::protobuf;

// Envelopes inside raw values inside envelopes; a watch event that holds a list needs two.
constexpr int kMaxEnvelopes = 4;

json::Value EnvelopedDocument(const std::string& raw, int envelopes);

// A raw value as a document: JSON as it is, an enveloped message in its JSON form, null for
// anything else.
json::Value RawDocument(const std::string& raw, int envelopes) {
  if (HasProtobufMagic(raw)) return EnvelopedDocument(raw, envelopes);
  auto parsed = json::Parse(raw);
  return parsed.ok() ? std::move(parsed).value() : json::Value();
}

class TextSink {
 public:
  explicit TextSink(std::string& out) : out_(out) {}

  void BeginObject() { Begin('{'); }
  void EndObject() { End('}'); }
  void BeginArray() { Begin('['); }
  void EndArray() { End(']'); }
  void Key(const FieldSchema& field) {
    Comma();
    out_ += field.key_text;
    first_ = true;
  }
  void Key(std::string_view key) {
    Comma();
    json::AppendQuoted(out_, key);
    out_ += ':';
    first_ = true;
  }
  void String(std::string_view value) {
    Comma();
    json::AppendQuoted(out_, value);
  }
  void Bytes(std::string_view value) {
    Comma();
    out_ += '"';
    AppendBase64(out_, value);
    out_ += '"';
  }
  void Bool(bool value) {
    Comma();
    out_ += value ? "true" : "false";
  }
  void Int(int64_t value) {
    Comma();
    std::array<char, 24> digits;
    auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    out_.append(digits.data(), end);
  }
  void Double(double value) {
    Comma();
    out_ += json::Dump(json::Value(value));
  }
  void Null() {
    Comma();
    out_ += "null";
  }
  void Raw(const std::string& raw) {
    Comma();
    out_ += json::Dump(RawDocument(raw, 0));
  }

 private:
  void Comma() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  void Begin(char bracket) {
    Comma();
    out_ += bracket;
    first_ = true;
  }
  void End(char bracket) {
    out_ += bracket;
    first_ = false;
  }

  std::string& out_;
  bool first_ = true;  // nothing precedes the next value: no comma
};

class DocumentSink {
 public:
  explicit DocumentSink(json::Value& root, int envelopes = 0)
      : root_(root), envelopes_(envelopes) {}

  void BeginObject() { stack_.push_back(&Put(json::Value::object())); }
  void EndObject() { stack_.pop_back(); }
  void BeginArray() { stack_.push_back(&Put(json::Value::array())); }
  void EndArray() { stack_.pop_back(); }
  void Key(const FieldSchema& field) { Key(std::string_view(field.name)); }
  void Key(std::string_view key) {
    // Keys come in order.
    auto& members = stack_.back()->get_ref<json::Value::object_t&>();
    slot_ = &members.emplace_hint(members.end(), std::string(key), json::Value())->second;
  }
  void String(std::string_view value) { Put(json::Value(std::string(value))); }
  void Bytes(std::string_view value) {
    std::string text;
    AppendBase64(text, value);
    Put(json::Value(std::move(text)));
  }
  void Bool(bool value) { Put(json::Value(value)); }
  void Int(int64_t value) { Put(json::Value(value)); }
  void Double(double value) { Put(json::Value(value)); }
  void Null() { Put(json::Value()); }
  void Raw(const std::string& raw) { Put(RawDocument(raw, envelopes_)); }

 private:
  json::Value& Put(json::Value value) {
    if (stack_.empty()) return root_ = std::move(value);
    if (stack_.back()->is_array()) {
      return stack_.back()->get_ref<json::Value::array_t&>().emplace_back(std::move(value));
    }
    return *slot_ = std::move(value);
  }

  json::Value& root_;
  int envelopes_;
  json::Value* slot_ = nullptr;
  std::vector<json::Value*> stack_;
};

template <typename Sink>
void Walk(const pb::Message& message, Sink& sink) {
  const Schema& schema = Schema::Of(*message.GetDescriptor());
  JsonWalk<Sink> walk(sink);
  if (schema.type() != ValueType::kObject) return walk.Message(message, schema);
  walk.Object(message, schema,
              schema.has_type_meta() ? FindKind(*message.GetDescriptor()) : nullptr);
}

json::Value EnvelopedDocument(const std::string& raw, int envelopes) {
  if (envelopes >= kMaxEnvelopes) return nullptr;
  auto message = FromProtobuf(raw);
  if (!message.ok()) return nullptr;
  json::Value document;
  DocumentSink sink(document, envelopes + 1);
  Walk(**message, sink);
  return document;
}

// No time at all, or Go's zero time.
template <typename T>
bool IsZeroTime(const T& time) {
  return (!time.has_seconds() && !time.has_nanos()) || time.seconds() == kZeroTimeSeconds;
}

SpecialValue TextValue(std::string text) {
  return {.form = SpecialValue::Form::kText, .text = std::move(text)};
}

}  // namespace

SpecialValue ReadSpecial(const pb::Message& message, ValueType type) {
  switch (type) {
    case ValueType::kTime: {
      const auto& time = static_cast<const meta::v1::Time&>(message);
      if (IsZeroTime(time)) return {};
      return TextValue(FormatTime(time.seconds()));
    }
    case ValueType::kMicroTime: {
      const auto& time = static_cast<const meta::v1::MicroTime&>(message);
      if (IsZeroTime(time)) return {};
      return TextValue(FormatMicroTime(time.seconds(), time.nanos()));
    }
    case ValueType::kDuration: {
      const auto& duration = static_cast<const meta::v1::Duration&>(message);
      return TextValue(FormatDuration(std::chrono::nanoseconds(duration.duration())));
    }
    case ValueType::kQuantity: {
      const auto& quantity = static_cast<const meta::v1::Quantity&>(message);
      if (quantity.string().empty()) return TextValue("0");
      return TextValue(quantity.string());
    }
    case ValueType::kIntOrString: {
      const auto& value = static_cast<const meta::v1::IntOrString&>(message);
      if (IsString(value)) return TextValue(value.strval());
      return {.form = SpecialValue::Form::kInt, .number = value.intval()};
    }
    default:
      break;
  }
  CHECK_THAT(false, message.GetTypeName());
  return {};
}

const std::string& ReadRaw(const pb::Message& message) {
  const pb::FieldDescriptor* field = message.GetDescriptor()->field(0);
  thread_local std::string scratch;  // untouched: std::string fields are handed out by reference
  return message.GetReflection()->GetStringReference(message, field, &scratch);
}

json::Value ToDocument(const pb::Message& message) {
  json::Value document;
  DocumentSink sink(document);
  Walk(message, sink);
  return document;
}

std::string ToJson(const pb::Message& message) {
  std::string out;
  out.reserve(2048);
  TextSink sink(out);
  Walk(message, sink);
  return out;
}

void AppendJson(const pb::Message& message, std::string& out) {
  TextSink sink(out);
  JsonWalk<TextSink>(sink).Message(message, Schema::Of(*message.GetDescriptor()));
}

}  // namespace wherry::api
