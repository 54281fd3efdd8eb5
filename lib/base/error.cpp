#include "lib/base/error.h"

#include "lib/base/check.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace wherry {
namespace {

struct ReasonRow {
  Reason reason;
  std::string_view name;
  int http_code;
};

constexpr std::array kReasons = {
    ReasonRow{Reason::kUnknown, "", 500},
    ReasonRow{Reason::kUnauthorized, "Unauthorized", 401},
    ReasonRow{Reason::kForbidden, "Forbidden", 403},
    ReasonRow{Reason::kNotFound, "NotFound", 404},
    ReasonRow{Reason::kAlreadyExists, "AlreadyExists", 409},
    ReasonRow{Reason::kConflict, "Conflict", 409},
    ReasonRow{Reason::kGone, "Gone", 410},
    ReasonRow{Reason::kInvalid, "Invalid", 422},
    ReasonRow{Reason::kServerTimeout, "ServerTimeout", 500},
    ReasonRow{Reason::kTimeout, "Timeout", 504},
    ReasonRow{Reason::kTooManyRequests, "TooManyRequests", 429},
    ReasonRow{Reason::kBadRequest, "BadRequest", 400},
    ReasonRow{Reason::kMethodNotAllowed, "MethodNotAllowed", 405},
    ReasonRow{Reason::kNotAcceptable, "NotAcceptable", 406},
    ReasonRow{Reason::kRequestEntityTooLarge, "RequestEntityTooLarge", 413},
    ReasonRow{Reason::kUnsupportedMediaType, "UnsupportedMediaType", 415},
    ReasonRow{Reason::kInternalError, "InternalError", 500},
    ReasonRow{Reason::kExpired, "Expired", 410},
    ReasonRow{Reason::kServiceUnavailable, "ServiceUnavailable", 503},
};

constexpr bool IndexedByReason() {
  for (size_t i = 0; i < kReasons.size(); ++i) {
    if (static_cast<size_t>(kReasons[i].reason) != i) return false;
  }
  return true;
}
static_assert(IndexedByReason());
static_assert(kReasons.size() == static_cast<size_t>(Reason::kServiceUnavailable) + 1);

}  // namespace

std::string_view ReasonName(Reason reason) { return kReasons[static_cast<size_t>(reason)].name; }

int ReasonHttpCode(Reason reason) { return kReasons[static_cast<size_t>(reason)].http_code; }

Reason ReasonFromName(std::string_view name) {
  for (const ReasonRow& row : kReasons) {
    if (row.name == name) return row.reason;
  }
  return Reason::kUnknown;
}

Error Error::Wrap(std::string_view doing) && {
  message = std::string(doing) + ": " + message;
  return std::move(*this);
}

Error MakeError(Reason reason, std::string message) {
  Error error;
  error.reason = reason;
  error.message = std::move(message);
  return error;
}

Error ErrnoError(int os_errno, std::string_view what) {
  Reason reason = Reason::kInternalError;
  if (os_errno == ENOENT) reason = Reason::kNotFound;
  if (os_errno == EEXIST) reason = Reason::kAlreadyExists;
  Error error = MakeError(reason, std::string(what) + ": " +
                                      std::error_code(os_errno, std::generic_category()).message());
  error.os_errno = os_errno;
  return error;
}

void CheckFailed(const char* file, int line, const char* expression, std::string_view detail) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s%s%.*s\n", file, line, expression,
               detail.empty() ? "" : ": ", static_cast<int>(detail.size()), detail.data());
  std::abort();
}

}  // namespace wherry
