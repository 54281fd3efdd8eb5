#pragma once

#include "apiserver/authz/authorizer.h"
#include "lib/base/result.h"
#include "lib/http/message.h"

#include <optional>

namespace wherry::apiserver::filters {

// The user that `caller` asks to act as by Impersonate-User, -Group, -Uid and -Extra-*; nullopt
// when the request names none. Without groups of its own choice a service account gets those it
// always has; everybody gets system:authenticated, system:anonymous system:unauthenticated.
//
// Errors: kForbidden for the first part that the caller may not impersonate; kInternalError, as
// upstream has it, for parts without a user.
// Source: k8s.io/apiserver pkg/endpoints/filters/impersonation.go.
Result<std::optional<http::UserInfo>> Impersonated(const authz::Authorizer& authorizer,
                                                   const http::UserInfo& caller,
                                                   const http::Headers& headers);

}  // namespace wherry::apiserver::filters
