#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace wherry {

// The vocabulary of `metav1.Status.reason`, so that an error made in storage leaves the server as
// the right status without a translation table. Source: apimachinery pkg/apis/meta/v1/types.go.
enum class Reason {
  kUnknown,
  kUnauthorized,
  kForbidden,
  kNotFound,
  kAlreadyExists,
  kConflict,
  kGone,
  kInvalid,
  kServerTimeout,
  kTimeout,
  kTooManyRequests,
  kBadRequest,
  kMethodNotAllowed,
  kNotAcceptable,
  kRequestEntityTooLarge,
  kUnsupportedMediaType,
  kInternalError,
  kExpired,
  kServiceUnavailable,
};

// The wire spelling ("NotFound") and the HTTP code (404) of a reason; kUnknown is "" and 500.
std::string_view ReasonName(Reason reason);
int ReasonHttpCode(Reason reason);
// The reason spelled `name`, or kUnknown.
Reason ReasonFromName(std::string_view name);

// One entry of `metav1.Status.details.causes`.
struct ErrorCause {
  std::string reason;  // "FieldValueInvalid", "FieldValueRequired", ...
  std::string message;
  std::string field;  // "spec.containers[0].image"
};

// What `metav1.Status.details` says beside the reason. Empty members are left out of the reply.
struct ErrorDetails {
  std::string name;
  std::string group;
  std::string kind;
  std::string uid;
  int retry_after_seconds = 0;
  std::vector<ErrorCause> causes;
};

// Why something could not be done. `message` is a sentence part in lower case that names what was
// tried and on what.
struct Error {
  Reason reason = Reason::kUnknown;
  std::string message;
  int os_errno = 0;  // 0 when no system call failed
  ErrorDetails details;

  // The same error, its message prefixed with what the caller was doing: "sync pod 'default/web':
  // ...".
  Error Wrap(std::string_view doing) &&;
};

Error MakeError(Reason reason, std::string message);
// "open '/x': No such file or directory". ENOENT becomes kNotFound, EEXIST kAlreadyExists, the rest
// kInternalError.
Error ErrnoError(int os_errno, std::string_view what);

}  // namespace wherry
