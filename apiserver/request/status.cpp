#include "apiserver/request/status.h"

#include "apiserver/request/yaml.h"
#include "lib/api/codec.h"
#include "lib/json/json.h"
#include "proto/api/meta/v1.pb.h"

#include <nlohmann/json.hpp>

namespace wherry::apiserver {

namespace {

api::meta::v1::Status ToStatus(const Error& error) {
  api::meta::v1::Status status;
  status.mutable_metadata();
  status.set_status("Failure");
  status.set_message(error.message);
  status.set_reason(std::string(ReasonName(error.reason)));
  status.set_code(ReasonHttpCode(error.reason));
  const ErrorDetails& from = error.details;
  bool any = !from.name.empty() || !from.group.empty() || !from.kind.empty() || !from.uid.empty() ||
             !from.causes.empty() || from.retry_after_seconds != 0;
  if (!any) return status;
  auto* details = status.mutable_details();
  if (!from.name.empty()) details->set_name(from.name);
  if (!from.group.empty()) details->set_group(from.group);
  if (!from.kind.empty()) details->set_kind(from.kind);
  if (!from.uid.empty()) details->set_uid(from.uid);
  if (from.retry_after_seconds != 0) details->set_retryafterseconds(from.retry_after_seconds);
  for (const ErrorCause& one : from.causes) {
    auto* cause = details->add_causes();
    if (!one.reason.empty()) cause->set_reason(one.reason);
    cause->set_message(one.message);
    if (!one.field.empty()) cause->set_field(one.field);
  }
  return status;
}

Error About(Reason reason, const ResourceName& resource, std::string_view name,
            std::string message) {
  Error error = MakeError(reason, std::move(message));
  error.details.group = resource.group;
  error.details.kind = resource.resource;
  error.details.name = name;
  return error;
}

}  // namespace

std::string ResourceName::String() const {
  std::string text(resource);
  if (!group.empty()) text += "." + std::string(group);
  return text;
}

Error NotFoundError(const ResourceName& resource, std::string_view name) {
  return About(Reason::kNotFound, resource, name,
               resource.String() + " \"" + std::string(name) + "\" not found");
}

Error AlreadyExistsError(const ResourceName& resource, std::string_view name) {
  return About(Reason::kAlreadyExists, resource, name,
               resource.String() + " \"" + std::string(name) + "\" already exists");
}

Error ConflictError(const ResourceName& resource, std::string_view name, std::string_view why) {
  if (why.empty()) {
    why =
        "the object has been modified; please apply your changes to the latest version and try "
        "again";
  }
  return About(Reason::kConflict, resource, name,
               "Operation cannot be fulfilled on " + resource.String() + " \"" + std::string(name) +
                   "\": " + std::string(why));
}

Error ForbiddenError(const ResourceName& resource, std::string_view name, std::string_view why) {
  std::string subject = resource.String();
  if (!name.empty()) subject += " \"" + std::string(name) + "\"";
  return About(Reason::kForbidden, resource, name, subject + " is forbidden: " + std::string(why));
}

Error BadRequestError(std::string_view message) {
  return MakeError(Reason::kBadRequest, std::string(message));
}

Error MethodNotAllowedError() {
  return MakeError(Reason::kMethodNotAllowed,
                   "the server does not allow this method on the requested resource");
}

Error ExpiredError(std::string_view message) {
  return MakeError(Reason::kExpired, std::string(message));
}

Error TooLargeResourceVersionError(int64_t requested, int64_t current) {
  Error error =
      MakeError(Reason::kTimeout, "Too large resource version: " + std::to_string(requested) +
                                      ", current: " + std::to_string(current));
  error.details.retry_after_seconds = 1;
  error.details.causes.push_back({"ResourceVersionTooLarge", "Too large resource version", ""});
  return error;
}

std::string StatusJson(const Error& error) { return api::ToJson(ToStatus(error)); }

std::shared_ptr<const google::protobuf::Message> StatusMessage(const Error& error) {
  return std::make_shared<api::meta::v1::Status>(ToStatus(error));
}

std::string StatusProtobuf(const Error& error) { return api::ToProtobuf(ToStatus(error)); }

http::Response ExpiredContinueResponse(const Error& error, std::string_view continue_token,
                                       const Accepted& accepted) {
  api::meta::v1::Status status = ToStatus(error);
  status.mutable_metadata()->set_continue_(std::string(continue_token));
  return MessageResponse(status.code(), status, accepted);
}

void SetContentType(http::Response& response, Encoding encoding) {
  response.headers.Set("Content-Type", std::string(MediaTypeOf(encoding)));
}

std::string DressJson(std::string json_text, Encoding encoding, bool indent) {
  if (encoding == Encoding::kJson && !indent) return json_text;
  json::ParseLimits unlimited{.max_depth = 10'000, .max_bytes = SIZE_MAX};
  auto document = json::Parse(json_text, unlimited);
  if (!document.ok()) return json_text;
  if (encoding == Encoding::kYaml) return YamlFromDocument(*document);
  return json::DumpPretty(*document);
}

std::string EncodeMessage(const google::protobuf::Message& message, Encoding encoding,
                          bool indent) {
  if (encoding == Encoding::kProtobuf) return api::ToProtobuf(message);
  return DressJson(api::ToJson(message), encoding, indent);
}

http::Response MessageResponse(int http_status, const google::protobuf::Message& message,
                               const Accepted& accepted) {
  http::Response response;
  response.status = http_status;
  response.body = EncodeMessage(message, accepted.encoding, accepted.pretty);
  SetContentType(response, accepted.encoding);
  return response;
}

http::Response ErrorResponse(const Error& error, const Accepted& accepted) {
  api::meta::v1::Status status = ToStatus(error);
  http::Response response = MessageResponse(status.code(), status, accepted);
  if (error.details.retry_after_seconds > 0) {
    response.headers.Set("Retry-After", std::to_string(error.details.retry_after_seconds));
  }
  return response;
}

http::Response SuccessResponse(int http_status, const ResourceName& resource, std::string_view name,
                               std::string_view uid, const Accepted& accepted) {
  api::meta::v1::Status status;
  status.mutable_metadata();
  status.set_status("Success");
  if (!name.empty()) {
    auto* details = status.mutable_details();
    details->set_name(std::string(name));
    if (!resource.group.empty()) details->set_group(std::string(resource.group));
    details->set_kind(std::string(resource.resource));
    if (!uid.empty()) details->set_uid(std::string(uid));
  }
  return MessageResponse(http_status, status, accepted);
}

http::Response TextResponse(int http_status, std::string text) {
  http::Response response;
  response.status = http_status;
  response.body = std::move(text);
  response.headers.Set("Content-Type", "text/plain; charset=utf-8");
  response.headers.Set("X-Content-Type-Options", "nosniff");
  return response;
}

}  // namespace wherry::apiserver
