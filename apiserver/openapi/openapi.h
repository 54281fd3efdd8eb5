#pragma once

#include "apiserver/registry/resource.h"
#include "apiserver/request/api_request.h"
#include "lib/http/message.h"

#include <map>
#include <optional>
#include <string>

namespace wherry::apiserver::openapi {

// /openapi/v2 (JSON, and the protobuf form that kubectl asks for) and /openapi/v3 (an index, and a
// document per group version), made from the Schemas when they are asked for. Documents are large
// and rarely read, so only their hashes are kept. Loop thread.
// Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-specification.
class OpenApi {
 public:
  explicit OpenApi(const registry::Resources& resources) : resources_(resources) {}

  // Null when the path is not one of its documents.
  std::optional<http::Response> Serve(const ApiRequest& request);

 private:
  http::Response V2(const ApiRequest& request);
  http::Response V3Index();
  std::optional<http::Response> V3(const ApiRequest& request, std::string_view path);
  const std::string& HashOf(std::string_view path);

  const registry::Resources& resources_;
  std::map<std::string, std::string, std::less<>> hashes_;  // by path of a v3 document
};

}  // namespace wherry::apiserver::openapi
