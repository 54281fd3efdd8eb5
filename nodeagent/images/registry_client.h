#pragma once

#include "lib/http/message.h"
#include "nodeagent/images/image_service.h"

#include <optional>
#include <string>
#include <string_view>

namespace wherry::nodeagent::images {

// What a WWW-Authenticate header asks for. Source: RFC 9110 section 11, distribution token spec.
struct AuthChallenge {
  bool bearer = false;
  bool basic = false;
  std::string realm;
  std::string service;
  std::string scope;
};
AuthChallenge ParseChallenge(std::string_view header);

// Reads from one repository of a registry. Source: OCI distribution-spec. Loop thread.
//
// Anonymous first; when asked, a bearer token is fetched (with the credentials, if there are any)
// or basic authentication is used. Redirects are followed a few times, and credentials are not
// taken to another host.
class RegistryClient {
 public:
  // `base_url` is "https://registry-1.docker.io"; `transport` outlives the client.
  RegistryClient(http::RoundTripper& transport, std::string base_url, std::string repository,
                 std::optional<RegistryAuth> auth);

  // GET /v2/<repository>/<path>, read whole or streamed. Errors: kNotFound, kUnauthorized,
  // kServiceUnavailable, kTooManyRequests; the response otherwise has status 200.
  Task<Result<http::Response>> Get(std::string path, std::string accept, bool stream);

 private:
  Task<Result<http::Response>> Follow(http::Request request, bool stream);
  Task<Status> Authenticate(std::string challenge);

  http::RoundTripper& transport_;
  std::string base_url_;
  std::string repository_;
  std::optional<RegistryAuth> auth_;
  std::string authorization_;  // header value, "" before the first challenge
};

}  // namespace wherry::nodeagent::images
