#pragma once

#include "apiserver/registry/resource.h"
#include "apiserver/request/api_request.h"
#include "lib/http/message.h"

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace wherry::apiserver::openapi {

// /openapi/v2 (JSON, and the protobuf form that kubectl asks for) and /openapi/v3 (an index, and a
// document per group version), made from the Schemas when they are first asked for. Kept are the
// hashes, which answer who has a document already, and v2's bytes, which kubectl reads with each
// apply. Loop thread.
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

  struct Document {
    std::shared_ptr<const std::string> bytes;
    std::string hash;
  };
  const registry::Resources& resources_;
  std::map<std::string, Document, std::less<>> v2_;         // by media type
  std::map<std::string, std::string, std::less<>> hashes_;  // by path of a v3 document
};

}  // namespace wherry::apiserver::openapi
