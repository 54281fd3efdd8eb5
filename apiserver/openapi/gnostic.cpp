#include "apiserver/openapi/gnostic.h"

#include <nlohmann/json.hpp>

namespace wherry::apiserver::openapi {

using json::Value;

namespace {

// Protobuf wire format, written bottom-up: every submessage is a string with its length before it.
class Message {
 public:
  void Text(unsigned number, std::string_view text) {
    if (!text.empty()) Bytes(number, text);
  }
  void Sub(unsigned number, const Message& message) { Bytes(number, message.out_); }
  void Bool(unsigned number, bool value) {
    if (!value) return;
    Varint(number << 3);
    out_ += '\1';
  }
  const std::string& bytes() const { return out_; }

 private:
  void Bytes(unsigned number, std::string_view bytes) {
    constexpr unsigned kLengthDelimited = 2;
    Varint(number << 3 | kLengthDelimited);
    Varint(bytes.size());
    out_ += bytes;
  }
  void Varint(uint64_t value) {
    while (value >= 0x80) {
      out_ += static_cast<char>((value & 0x7f) | 0x80);
      value >>= 7;
    }
    out_ += static_cast<char>(value);
  }

  std::string out_;
};

std::string TextOf(const Value& object, const char* member) {
  auto found = object.find(member);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

bool IsTrue(const Value& object, const char* member) {
  auto found = object.find(member);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

// Any{yaml = 2}: JSON is YAML.
Message AnyOf(const Value& value) {
  Message any;
  any.Text(2, json::Dump(value) + "\n");
  return any;
}

// NamedAny{name = 1, value = 2} for each "x-..." member.
void Extensions(const Value& object, unsigned number, Message& out) {
  for (const auto& [name, value] : object.items()) {
    if (!name.starts_with("x-")) continue;
    Message named;
    named.Text(1, name);
    named.Sub(2, AnyOf(value));
    out.Sub(number, named);
  }
}

Message SchemaOf(const Value& schema);

// NamedSchema{name = 1, value = 2}.
void NamedSchemas(const Value& schemas, unsigned number, Message& out) {
  for (const auto& [name, schema] : schemas.items()) {
    Message named;
    named.Text(1, name);
    named.Sub(2, SchemaOf(schema));
    out.Sub(number, named);
  }
}

Message SchemaOf(const Value& schema) {
  Message out;
  out.Text(1, TextOf(schema, "$ref"));
  out.Text(2, TextOf(schema, "format"));
  out.Text(4, TextOf(schema, "description"));
  if (auto found = schema.find("required"); found != schema.end()) {
    for (const Value& name : *found) out.Text(19, name.get_ref<const std::string&>());
  }
  if (auto found = schema.find("additionalProperties"); found != schema.end()) {
    Message item;
    item.Sub(1, SchemaOf(*found));
    out.Sub(21, item);
  }
  if (auto found = schema.find("type"); found != schema.end()) {
    Message type;
    type.Text(1, found->get_ref<const std::string&>());
    out.Sub(22, type);
  }
  if (auto found = schema.find("items"); found != schema.end()) {
    Message items;
    items.Sub(1, SchemaOf(*found));
    out.Sub(23, items);
  }
  if (auto found = schema.find("properties"); found != schema.end()) {
    Message properties;
    NamedSchemas(*found, 1, properties);
    out.Sub(25, properties);
  }
  Extensions(schema, 31, out);
  return out;
}

// ParametersItem{parameter = 1 {non_body_parameter = 2 {query = 3 or path = 4 {...}}}}.
Message ParameterOf(const Value& parameter) {
  std::string in = TextOf(parameter, "in");
  Message schema;
  schema.Bool(1, IsTrue(parameter, "required"));
  schema.Text(2, in);
  schema.Text(4, TextOf(parameter, "name"));
  // The path form has no allow_empty_value, so its type is one number lower.
  schema.Text(in == "query" ? 6 : 5, TextOf(parameter, "type"));
  Message non_body;
  non_body.Sub(in == "query" ? 3 : 4, schema);
  Message wrapped;
  wrapped.Sub(2, non_body);
  Message item;
  item.Sub(1, wrapped);
  return item;
}

void Parameters(const Value& object, unsigned number, Message& out) {
  auto found = object.find("parameters");
  if (found == object.end()) return;
  for (const Value& parameter : *found) out.Sub(number, ParameterOf(parameter));
}

Message OperationOf(const Value& operation) {
  Message out;
  Parameters(operation, 8, out);
  // Responses{response_code = 1 {name = 1, value = 2 {response = 1 {description = 1}}}}.
  Message response;
  response.Text(1, "OK");
  Message value;
  value.Sub(1, response);
  Message named;
  named.Text(1, "200");
  named.Sub(2, value);
  Message responses;
  responses.Sub(1, named);
  out.Sub(9, responses);
  Extensions(operation, 13, out);
  return out;
}

Message PathItemOf(const Value& item) {
  struct Verb {
    const char* name;
    unsigned number;
  };
  Message out;
  for (Verb verb :
       {Verb{"get", 2}, Verb{"put", 3}, Verb{"post", 4}, Verb{"delete", 5}, Verb{"patch", 8}}) {
    auto found = item.find(verb.name);
    if (found != item.end()) out.Sub(verb.number, OperationOf(*found));
  }
  Parameters(item, 9, out);
  return out;
}

}  // namespace

std::string GnosticV2(const Value& document) {
  Message out;
  out.Text(1, TextOf(document, "swagger"));
  Message info;
  info.Text(1, TextOf(document["info"], "title"));
  info.Text(2, TextOf(document["info"], "version"));
  out.Sub(2, info);
  Message paths;
  for (const auto& [path, item] : document["paths"].items()) {
    Message named;
    named.Text(1, path);
    named.Sub(2, PathItemOf(item));
    paths.Sub(2, named);
  }
  out.Sub(8, paths);
  Message definitions;
  NamedSchemas(document["definitions"], 1, definitions);
  out.Sub(9, definitions);
  return out.bytes();
}

}  // namespace wherry::apiserver::openapi
