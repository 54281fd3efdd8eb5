#include "nodeagent/streaming/caller.h"

#include "lib/http/certificates.h"

#include <algorithm>

namespace wherry::nodeagent::streaming {
namespace {

constexpr std::string_view kMasters = "system:masters";

Result<http::UserInfo> Caller(const http::Request& request) {
  if (request.authenticated_user) return *request.authenticated_user;
  if (request.tls_client_certificate_pem.empty()) {
    return MakeError(Reason::kUnauthorized, "Unauthorized");
  }
  TRY(http::ParsedCertificate certificate,
      http::ParseCertificate(request.tls_client_certificate_pem));
  return http::UserInfo{.name = certificate.subject.common_name,
                        .groups = certificate.subject.organizations};
}

}  // namespace

Status AuthorizeCaller(const http::Request& request) {
  TRY(const http::UserInfo caller, Caller(request));
  if (std::find(caller.groups.begin(), caller.groups.end(), kMasters) != caller.groups.end()) {
    return Ok();
  }
  return MakeError(Reason::kForbidden,
                   "Forbidden (user=" + caller.name + ", resource=nodes, subresource=proxy)");
}

}  // namespace wherry::nodeagent::streaming
