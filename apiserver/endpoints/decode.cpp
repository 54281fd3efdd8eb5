#include "apiserver/endpoints/decode.h"

#include "apiserver/endpoints/read_body.h"
#include "apiserver/request/status.h"
#include "apiserver/request/yaml.h"
#include "lib/api/codec.h"
#include "lib/api/field_error.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "lib/api/schema.h"

#include <google/protobuf/message.h>
#include <nlohmann/json.hpp>

namespace wherry::apiserver::endpoints {

using google::protobuf::Message;

namespace {

Error CannotBeHandled(const api::KindInfo& kind, std::string_view version, std::string_view given,
                      std::string_view why) {
  return BadRequestError(std::string(given) + " in version \"" + std::string(version) +
                         "\" cannot be handled as a " + kind.kind + ": " + std::string(why));
}

Error Unrecognized(const api::KindInfo& kind, std::string_view why) {
  return BadRequestError("the object provided is unrecognized (must be of type " + kind.kind +
                         "): " + std::string(why));
}

// Checks what a body says it is.
Status CheckTypeMeta(const api::KindInfo& kind, std::string_view api_version,
                     std::string_view given_kind) {
  if (!given_kind.empty() && given_kind != kind.kind) {
    return CannotBeHandled(kind, api_version.empty() ? kind.group_version.version : api_version,
                           given_kind, "the kind does not match the resource");
  }
  if (!api_version.empty() && api_version != kind.ApiVersion()) {
    return BadRequestError("the API version in the data (" + std::string(api_version) +
                           ") does not match the expected API version (" + kind.ApiVersion() + ")");
  }
  return Ok();
}

Result<json::Value> ParseText(const ApiRequest& request, Encoding encoding,
                              const api::KindInfo& kind,
                              std::vector<json::DuplicateKey>* duplicates) {
  if (encoding == Encoding::kYaml) {
    auto document = DocumentFromYaml(request.http.body, duplicates);
    if (!document.ok()) return Unrecognized(kind, document.error().message);
    return document;
  }
  auto document = json::Parse(request.http.body, {}, duplicates);
  if (document.ok()) return document;
  if (document.error().reason == Reason::kRequestEntityTooLarge) return document;
  return Unrecognized(kind,
                      "couldn't get version/kind; json parse error: " + document.error().message);
}

// Unknown and duplicate fields, dealt with as the client asked.
Status JudgeFields(const api::KindInfo& kind, FieldValidation validation,
                   const std::vector<std::string>& unknown,
                   const std::vector<json::DuplicateKey>& duplicates, ApiRequest& request) {
  if (unknown.empty() && duplicates.empty()) return Ok();
  if (validation == FieldValidation::kStrict) {
    return CannotBeHandled(kind, kind.group_version.version, kind.kind,
                           api::StrictDecodingMessage(unknown, duplicates));
  }
  if (validation == FieldValidation::kWarn) {
    for (std::string& warning : api::FieldWarnings(unknown, duplicates)) {
      request.warnings.push_back(std::move(warning));
    }
  }
  return Ok();
}

// Type errors, unknown and duplicate fields of a document that says what it is.
Status CheckDocument(const api::KindInfo& kind, const json::Value& document, ApiRequest& request,
                     FieldValidation validation,
                     const std::vector<json::DuplicateKey>& duplicates) {
  std::vector<std::string> unknown;
  auto valid = api::ValidateFields(document, *kind.schema,
                                   validation == FieldValidation::kIgnore ? nullptr : &unknown);
  if (!valid.ok()) {
    return CannotBeHandled(kind, kind.group_version.version, kind.kind, valid.error().message);
  }
  return JudgeFields(kind, validation, unknown, duplicates, request);
}

Result<json::Value> CheckedDocument(ApiRequest& request, const api::KindInfo& kind,
                                    Encoding encoding, FieldValidation validation) {
  std::vector<json::DuplicateKey> duplicates;
  bool wants_duplicates = validation != FieldValidation::kIgnore;
  TRY(json::Value document,
      ParseText(request, encoding, kind, wants_duplicates ? &duplicates : nullptr));
  if (!document.is_object()) {
    return Unrecognized(kind,
                        "couldn't get version/kind; json parse error: json: cannot unmarshal "
                        "a value that is no object into Go value of type struct { APIVersion "
                        "string; Kind string }");
  }
  TRY_STATUS(CheckTypeMeta(kind, api::ApiVersionOf(document), api::KindNameOf(document)));
  TRY_STATUS(CheckDocument(kind, document, request, validation, duplicates));
  return document;
}

Result<std::unique_ptr<Message>> FromEnvelope(const ApiRequest& request,
                                              const api::KindInfo& kind) {
  auto envelope = api::ParseEnvelope(request.http.body);
  if (!envelope.ok()) return Unrecognized(kind, envelope.error().message);
  TRY_STATUS(CheckTypeMeta(kind, envelope->api_version, envelope->kind));
  std::unique_ptr<Message> message(kind.New());
  if (!message->ParsePartialFromArray(envelope->raw.data(),
                                      static_cast<int>(envelope->raw.size()))) {
    return Unrecognized(kind, "proto: illegal wire format");
  }
  return message;
}

Result<std::unique_ptr<Message>> ToMessage(const api::KindInfo& kind, const json::Value& document) {
  std::unique_ptr<Message> message(kind.New());
  auto filled = api::FromDocument(document, message.get());
  if (!filled.ok()) {
    return CannotBeHandled(kind, kind.group_version.version, kind.kind, filled.error().message);
  }
  return message;
}

// JSON and YAML by way of a document.
Result<std::unique_ptr<Message>> FromCheckedDocument(ApiRequest& request, const api::KindInfo& kind,
                                                     Encoding encoding,
                                                     FieldValidation validation) {
  TRY(json::Value document, CheckedDocument(request, kind, encoding, validation));
  return ToMessage(kind, document);
}

// JSON straight into the message. What does not decode goes the long way, which finds the words.
Result<std::unique_ptr<Message>> FromText(ApiRequest& request, const api::KindInfo& kind,
                                          Encoding encoding, FieldValidation validation) {
  if (encoding == Encoding::kYaml) {
    return FromCheckedDocument(request, kind, encoding, validation);
  }
  std::unique_ptr<Message> message(kind.New());
  api::JsonFindings findings;
  if (!api::FromJson(request.http.body, message.get(), &findings).ok()) {
    return FromCheckedDocument(request, kind, encoding, validation);
  }
  TRY_STATUS(CheckTypeMeta(kind, findings.api_version, findings.kind));
  TRY_STATUS(JudgeFields(kind, validation, findings.unknown_fields, findings.duplicates, request));
  return message;
}

Error InvalidOptions(std::string_view kind, const api::field::ErrorList& errors) {
  return errors.ToError("meta.k8s.io", kind, "");
}

}  // namespace

Result<WriteParameters> ParseWriteParameters(const Query& query, std::string_view options_kind) {
  WriteParameters parameters;
  api::field::ErrorList errors;
  for (const std::string& value : query.All("dryRun")) {
    if (value == "All") {
      parameters.dry_run = true;
    } else {
      errors.NotSupported(api::field::Path("dryRun"), value, {"All"});
    }
  }
  std::string_view validation = query.Get("fieldValidation");
  if (validation == "Ignore") {
    parameters.field_validation = FieldValidation::kIgnore;
  } else if (validation == "Strict") {
    parameters.field_validation = FieldValidation::kStrict;
  } else if (!validation.empty() && validation != "Warn") {
    errors.NotSupported(api::field::Path("fieldValidation"), validation,
                        {"Ignore", "Strict", "Warn"});
  }
  constexpr size_t kFieldManagerMax = 128;
  if (query.Get("fieldManager").size() > kFieldManagerMax) {
    errors.TooLong(api::field::Path("fieldManager"), kFieldManagerMax);
  }
  if (!errors.empty()) return InvalidOptions(options_kind, errors);
  return parameters;
}

Status CheckSmallBody(const ApiRequest& request) {
  if (request.http.body.size() <= kSmallBody) return Ok();
  return MakeError(Reason::kRequestEntityTooLarge,
                   "Request entity is too large: limit is " + std::to_string(kSmallBody));
}

std::string ApiVersionOfBody(const ApiRequest& request) {
  auto encoding = EncodingOfBody(request.http.headers.Get("Content-Type"));
  if (!encoding.ok() || !CheckSmallBody(request).ok()) return "";
  if (*encoding == Encoding::kProtobuf) {
    auto envelope = api::ParseEnvelope(request.http.body);
    return envelope.ok() ? std::string(envelope->api_version) : "";
  }
  auto document = *encoding == Encoding::kYaml ? DocumentFromYaml(request.http.body, nullptr)
                                               : json::Parse(request.http.body);
  if (!document.ok() || !document->is_object()) return "";
  return std::string(api::ApiVersionOf(*document));
}

Result<std::unique_ptr<Message>> DecodeBody(ApiRequest& request, const api::KindInfo& kind,
                                            FieldValidation validation) {
  TRY_STATUS(CheckSmallBody(request));
  TRY(Encoding encoding, EncodingOfBody(request.http.headers.Get("Content-Type")));
  if (encoding == Encoding::kProtobuf) return FromEnvelope(request, kind);
  return FromText(request, kind, encoding, validation);
}

namespace {

// With the defaults that follow from the kind alone. Any thread.
Result<std::unique_ptr<Message>> WithStaticDefaults(ApiRequest& request, const api::KindInfo& kind,
                                                    Encoding encoding, FieldValidation validation) {
  const bool protobuf = encoding == Encoding::kProtobuf;
  TRY(std::unique_ptr<Message> message,
      protobuf ? FromEnvelope(request, kind) : FromText(request, kind, encoding, validation));
  if (protobuf) TRY_STATUS(api::CanonicalizeMessage(message.get()));
  api::ApplyDefaults(message.get());
  return message;
}

}  // namespace

Task<Result<std::unique_ptr<Message>>> DecodeObject(Environment& environment,
                                                    const Resource& resource, ApiRequest& request,
                                                    FieldValidation validation) {
  CO_TRY(Encoding encoding, EncodingOfBody(request.http.headers.Get("Content-Type")));
  auto reading = ReadBody<std::unique_ptr<Message>>(
      environment, request, [kind = resource.kind, encoding, validation](ApiRequest& body) {
        return WithStaticDefaults(body, *kind, encoding, validation);
      });
  CO_TRY(std::unique_ptr<Message> message, co_await std::move(reading));
  resource.strategy->Default(*message);
  co_return message;
}

Result<std::unique_ptr<Message>> MessageFromDocument(
    const api::KindInfo& kind, const json::Value& document, ApiRequest& request,
    FieldValidation validation, const std::vector<json::DuplicateKey>& duplicates) {
  TRY_STATUS(CheckTypeMeta(kind, api::ApiVersionOf(document), api::KindNameOf(document)));
  TRY_STATUS(CheckDocument(kind, document, request, validation, duplicates));
  return ToMessage(kind, document);
}

Result<std::unique_ptr<Message>> ObjectFromDocument(
    const Resource& resource, json::Value document, ApiRequest& request, FieldValidation validation,
    const std::vector<json::DuplicateKey>& duplicates) {
  const api::KindInfo& kind = *resource.kind;
  TRY_STATUS(CheckTypeMeta(kind, api::ApiVersionOf(document), api::KindNameOf(document)));
  TRY_STATUS(CheckDocument(kind, document, request, validation, duplicates));
  if (kind.schema->has_defaults()) api::ApplyDefaults(document, *kind.schema);
  TRY(std::unique_ptr<Message> message, ToMessage(kind, document));
  resource.strategy->Default(*message);
  return message;
}

registry::Caller CallerOf(const ApiRequest& request, const WriteParameters& parameters) {
  return registry::Caller{
      .user = request.user, .dry_run = parameters.dry_run, .subresource = request.info.subresource};
}

}  // namespace wherry::apiserver::endpoints
