#pragma once

#include "apiserver/request/media_type.h"
#include "lib/base/error.h"
#include "lib/http/message.h"

#include <memory>
#include <string>
#include <string_view>

namespace google::protobuf {
class Message;
}

// Errors as clients read them: metav1.Status, and the messages that clients and users know.
// Source: apimachinery pkg/api/errors/errors.go.
namespace wherry::apiserver {

// A resource as error messages name it: "pods", "deployments.apps".
struct ResourceName {
  std::string_view group;
  std::string_view resource;
  std::string String() const;
};

Error NotFoundError(const ResourceName& resource, std::string_view name);
Error AlreadyExistsError(const ResourceName& resource, std::string_view name);
// `why` is "the object has been modified; please apply your changes to the latest version and try
// again" when empty.
Error ConflictError(const ResourceName& resource, std::string_view name, std::string_view why = "");
Error ForbiddenError(const ResourceName& resource, std::string_view name, std::string_view why);
Error BadRequestError(std::string_view message);
Error MethodNotAllowedError();
Error ExpiredError(std::string_view message);
Error TooLargeResourceVersionError(int64_t requested, int64_t current);

// The Status message's JSON text; as a message, and in its protobuf envelope.
std::string StatusJson(const Error& error);
std::shared_ptr<const google::protobuf::Message> StatusMessage(const Error& error);
std::string StatusProtobuf(const Error& error);
// The reply that carries `error`, with Retry-After when it names one.
http::Response ErrorResponse(const Error& error, const Accepted& accepted = {});
// A 410 whose metadata.continue lets the client go on, inconsistently, from where it was.
http::Response ExpiredContinueResponse(const Error& error, std::string_view continue_token,
                                       const Accepted& accepted);
// {"kind":"Status","status":"Success",...}: what a finished delete answers.
http::Response SuccessResponse(int http_status, const ResourceName& resource, std::string_view name,
                               std::string_view uid, const Accepted& accepted);
// Plain text, as upstream's mux answers for unknown paths.
http::Response TextResponse(int http_status, std::string text);

// `message` (a kind) in one of the wire formats. `indent` for JSON.
std::string EncodeMessage(const google::protobuf::Message& message, Encoding encoding,
                          bool indent = false);
// A JSON text in another dress: indented JSON, or YAML. Plain JSON comes back unchanged.
std::string DressJson(std::string json_text, Encoding encoding, bool indent);
http::Response MessageResponse(int http_status, const google::protobuf::Message& message,
                               const Accepted& accepted);
void SetContentType(http::Response& response, Encoding encoding);

}  // namespace wherry::apiserver
