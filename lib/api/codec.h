#pragma once

#include "lib/json/json.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace google::protobuf {
class Message;
}

// Documents (JSON), messages (generated classes) and bytes, and the ways between them.
namespace wherry::api {

class Schema;

// --- JSON document <-> message

// Fills `message`, which must be empty and of the schema's type, from a document. Unknown members
// are skipped; null counts as absent, as in Go. Errors: kBadRequest for a value of the wrong type:
// "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32".
Status FromDocument(const json::Value& document, const Schema& schema,
                    google::protobuf::Message* message);
// The schema is the message's own.
Status FromDocument(const json::Value& document, google::protobuf::Message* message);

// Upstream's JSON form: fields marked `always` and nullable fields that are set are written even
// when empty, the rest only when not empty. Kinds carry apiVersion and kind; items of a list do
// not.
json::Value ToDocument(const google::protobuf::Message& message);

// ToDocument and Dump in one pass over the message; the text is the same.
std::string ToJson(const google::protobuf::Message& message);
// Without apiVersion and kind, appended: an item of a list.
void AppendJson(const google::protobuf::Message& message, std::string& out);

// What decoding found beside the values.
struct JsonFindings {
  std::string api_version;  // of the top level, where the type has them
  std::string kind;
  std::vector<std::string> unknown_fields;  // in the text's order
  std::vector<json::DuplicateKey> duplicates;
};

// Decodes one object from its text without a document in between: what json::Parse, ValidateFields
// and FromDocument do, in a third of the time. `message` as in FromDocument. `findings` may be
// null. Errors: those of json::Parse and FromDocument.
Status FromJson(std::string_view text, google::protobuf::Message* message,
                JsonFindings* findings = nullptr, const json::ParseLimits& limits = {});

// Gives the document the form that ToDocument of its message would have, without building the
// message: unknown members, nulls and empty optional values go, always-present ones appear,
// quantities and times take their canonical form. The document must have passed ValidateFields.
void Normalize(json::Value& document, const Schema& schema);

// --- Protobuf envelope: "k8s\0" and a runtime.Unknown
// Source: apimachinery pkg/runtime/serializer/protobuf.

inline constexpr std::string_view kProtobufMediaType = "application/vnd.kubernetes.protobuf";
inline constexpr std::string_view kJsonMediaType = "application/json";

// The views point into the bytes that were parsed.
struct UnknownEnvelope {
  std::string api_version;
  std::string kind;
  std::string_view raw;  // the message
  std::string content_encoding;
  std::string content_type;
};

bool HasProtobufMagic(std::string_view bytes);
// Errors: kBadRequest for a missing magic or a malformed envelope.
Result<UnknownEnvelope> ParseEnvelope(std::string_view bytes);
// Wraps message bytes that are at hand already.
std::string WrapProtobuf(std::string_view raw, std::string_view api_version, std::string_view kind);
std::string ToProtobuf(const google::protobuf::Message& message, std::string_view api_version,
                       std::string_view kind);
// apiVersion and kind from the message's type.
std::string ToProtobuf(const google::protobuf::Message& message);
// An envelope with a kind the registry knows, decoded.
// Errors: kBadRequest when malformed or unknown.
Result<std::unique_ptr<google::protobuf::Message>> FromProtobuf(std::string_view bytes);

// --- Checks and changes on documents

// Type errors fail at the first, as FromDocument does. `unknown_fields`, when not null, receives
// the path of every member the schema does not name ("spec.foo", "spec.containers[0].imagee"), in
// document order.
Status ValidateFields(const json::Value& document, const Schema& schema,
                      std::vector<std::string>* unknown_fields);
// `strict decoding error: unknown field "spec.foo", duplicate field "metadata.name"`: upstream's
// text for fieldValidation=Strict (as an error) and Warn (one warning each, see the next).
std::string StrictDecodingMessage(const std::vector<std::string>& unknown_fields,
                                  const std::vector<json::DuplicateKey>& duplicates);
// `unknown field "spec.foo"`, `duplicate field "metadata.name"`.
std::vector<std::string> FieldWarnings(const std::vector<std::string>& unknown_fields,
                                       const std::vector<json::DuplicateKey>& duplicates);

// Gives absent fields (and, for non-nullable ones, empty fields) their static default, creating
// always-present objects on the way. Defaults that depend on other fields belong to the kind's
// strategy. The document must have passed ValidateFields.
void ApplyDefaults(json::Value& document, const Schema& schema);

// The same on a message, several times as fast as by way of a document.
void ApplyDefaults(google::protobuf::Message* message);

// What decoding JSON does to values and protobuf does not: quantities take their canonical form.
// For messages that came from a client as protobuf.
// Errors: kBadRequest for a malformed quantity, or raw bytes that are neither JSON nor an envelope.
Status CanonicalizeMessage(google::protobuf::Message* message);

// Removes members the schema does not name, apiVersion and kind of kinds excepted.
void PruneUnknown(json::Value& document, const Schema& schema);

}  // namespace wherry::api
