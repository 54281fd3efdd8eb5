#pragma once

#include "apiserver/registry/resource.h"
#include "apiserver/request/api_request.h"
#include "lib/http/message.h"

#include <optional>
#include <string>

namespace wherry::apiserver::discovery {

inline constexpr std::string_view kGitVersion = "v1.28.0+wherry-0.1.0";

// What this server serves, in the three forms clients read: the legacy documents (/api, /apis,
// /apis/GROUP, one list per version), the aggregated one (apidiscovery.k8s.io/v2beta1, with an
// ETag), and /version. Loop thread. Source: KEP-3352; k8s.io/apiserver pkg/endpoints/discovery.
class Discovery {
 public:
  // `server_address`: "10.0.0.1:6443", told to clients of any network.
  Discovery(const registry::Resources& resources, std::string server_address);

  // Null when the path is not one of discovery's.
  std::optional<http::Response> Serve(const ApiRequest& request) const;

 private:
  http::Response Aggregated(const ApiRequest& request, bool core) const;

  const registry::Resources& resources_;
  std::string server_address_;
};

}  // namespace wherry::apiserver::discovery
