#pragma once

#include "lib/base/result.h"
#include "lib/http/message.h"

#include <chrono>

namespace wherry::api {
struct BootstrapToken;
namespace core::v1 {
class Secret;
}
}  // namespace wherry::api

namespace wherry::apiserver::authn {

// Whom a bearer token stands for, by the Secret of its id: system:bootstrap:<id> in the Secret's
// groups. Errors: kUnauthorized when the Secret is being deleted, has expired, has another secret,
// is not for authentication, or is no bootstrap token at all.
// Source: plugin/pkg/auth/authenticator/token/bootstrap.
Result<http::UserInfo> BootstrapUser(const api::BootstrapToken& token,
                                     const api::core::v1::Secret& secret,
                                     std::chrono::system_clock::time_point now);

}  // namespace wherry::apiserver::authn
