#include "apiserver/discovery/discovery.h"

#include "apiserver/discovery/documents.h"
#include "apiserver/request/status.h"
#include "lib/http/jwt.h"
#include "lib/json/json.h"
#include "proto/api/apidiscovery/v2beta1.pb.h"
#include "proto/api/meta/v1.pb.h"

#include <nlohmann/json.hpp>

namespace wherry::apiserver::discovery {

namespace {

// Whether the client prefers the aggregated document, and in which encoding.
std::optional<Encoding> WantsAggregated(std::string_view accept) {
  for (const AcceptClause& clause : ParseAccept(accept)) {
    bool aggregated = clause.Parameter("g") == "apidiscovery.k8s.io" &&
                      clause.Parameter("v") == "v2beta1" &&
                      clause.Parameter("as") == "APIGroupDiscoveryList";
    bool json = clause.type == "application/json";
    bool protobuf = clause.type == "application/vnd.kubernetes.protobuf";
    if (aggregated && json) return Encoding::kJson;
    if (aggregated && protobuf) return Encoding::kProtobuf;
    if (!aggregated && clause.Parameter("as").empty()) return std::nullopt;
  }
  return std::nullopt;
}

http::Response Version() {
  // The build knows no commit; a source's archive has none.
  json::Value version = {{"major", "1"},
                         {"minor", "28"},
                         {"gitVersion", kGitVersion},
                         {"gitCommit", ""},
                         {"gitTreeState", ""},
                         {"buildDate", WHERRY_BUILD_DATE},
                         {"goVersion", "c++20"},
                         {"compiler", WHERRY_COMPILER},
                         {"platform", WHERRY_PLATFORM}};
  http::Response response;
  response.body = json::DumpPretty(version);
  SetContentType(response, Encoding::kJson);
  return response;
}

http::Response RootPaths() {
  json::Value paths = {{"paths",
                        {"/api", "/api/v1", "/apis", "/healthz", "/livez", "/metrics",
                         "/openapi/v2", "/openapi/v3", "/readyz", "/version"}}};
  http::Response response;
  response.body = json::DumpPretty(paths);
  SetContentType(response, Encoding::kJson);
  return response;
}

std::string_view WithoutSlash(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

}  // namespace

Discovery::Discovery(const registry::Resources& resources, std::string server_address)
    : resources_(resources), server_address_(std::move(server_address)) {}

http::Response Discovery::Aggregated(const ApiRequest& request, bool core) const {
  Accepted accepted;
  accepted.encoding = *WantsAggregated(request.http.headers.Get("Accept"));
  http::Response response = MessageResponse(200, AggregatedGroups(resources_, core), accepted);
  response.headers.Set("Content-Type", std::string(MediaTypeOf(accepted.encoding)) +
                                           ";g=apidiscovery.k8s.io;v=v2beta1;"
                                           "as=APIGroupDiscoveryList");
  std::string etag = "\"" + http::Sha256Hex(response.body) + "\"";
  if (request.http.headers.Get("If-None-Match") == etag) {
    response.status = 304;
    response.body.clear();
  }
  response.headers.Set("ETag", etag);
  response.headers.Set("Vary", "Accept");
  response.headers.Set("Cache-Control", "public");
  return response;
}

std::optional<http::Response> Discovery::Serve(const ApiRequest& request) const {
  std::string_view path = WithoutSlash(request.info.path);
  const Accepted& accepted = request.accepted;
  if (path == "/version") return Version();
  if (path == "/") return RootPaths();
  bool aggregated = (path == "/api" || path == "/apis") &&
                    WantsAggregated(request.http.headers.Get("Accept")).has_value();
  if (aggregated) return Aggregated(request, path == "/api");
  if (path == "/api") return MessageResponse(200, CoreVersions(server_address_), accepted);
  if (path == "/apis") return MessageResponse(200, Groups(resources_), accepted);
  std::string_view group;
  std::string_view version;
  if (path.starts_with("/api/")) {
    version = path.substr(5);
  } else if (path.starts_with("/apis/")) {
    group = path.substr(6);
    size_t slash = group.find('/');
    if (slash != std::string_view::npos) {
      version = group.substr(slash + 1);
      group = group.substr(0, slash);
    }
  } else {
    return std::nullopt;
  }
  if (version.find('/') != std::string_view::npos) return std::nullopt;
  if (version.empty()) {
    auto found = GroupNamed(resources_, group);
    if (found.name().empty()) return std::nullopt;
    return MessageResponse(200, found, accepted);
  }
  auto list = ResourceList(resources_, group, version);
  if (list.resources_size() == 0) return std::nullopt;
  return MessageResponse(200, list, accepted);
}

}  // namespace wherry::apiserver::discovery
