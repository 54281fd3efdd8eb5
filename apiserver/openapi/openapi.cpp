#include "apiserver/openapi/openapi.h"

#include "apiserver/openapi/definitions.h"
#include "apiserver/openapi/gnostic.h"
#include "apiserver/request/status.h"
#include "lib/api/kind_registry.h"
#include "lib/http/jwt.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace wherry::apiserver::openapi {

using json::Value;

namespace {

constexpr std::string_view kVersion = "v1.28.0";
constexpr std::string_view kV3Root = "/openapi/v3";
// What kubectl asks for, and what it is answered: '@' is no character of a media type (RFC 9110
// section 8.3.1), and Go's parser refuses it.
constexpr std::string_view kGnosticAsked =
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
constexpr std::string_view kGnosticV2 =
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

Value Info() { return {{"title", "Kubernetes"}, {"version", kVersion}}; }

std::vector<const registry::Resource*> All(const registry::Resources& resources) {
  std::vector<const registry::Resource*> all;
  for (const auto& one : resources.all()) all.push_back(one.get());
  return all;
}

Value DocumentV2(const registry::Resources& resources) {
  std::vector<const api::KindInfo*> kinds(api::AllKinds().begin(), api::AllKinds().end());
  return {{"swagger", "2.0"},
          {"info", Info()},
          {"paths", Paths(All(resources), Dialect::kV2)},
          {"definitions", Definitions(kinds, Dialect::kV2)}};
}

// The document of one group version, by its root path ("/apis/apps/v1").
Value DocumentV3(const registry::Resources& resources, std::string_view root) {
  std::vector<const registry::Resource*> served;
  std::vector<const api::KindInfo*> kinds;
  for (const auto& one : resources.all()) {
    if (RootPath(*one->kind) == root) served.push_back(one.get());
  }
  for (const api::KindInfo* kind : api::AllKinds()) {
    if (RootPath(*kind) == root) kinds.push_back(kind);
  }
  return {{"openapi", "3.0.0"},
          {"info", Info()},
          {"paths", Paths(served, Dialect::kV3)},
          {"components", {{"schemas", Definitions(kinds, Dialect::kV3)}}}};
}

std::string EntityTag(const std::string& hash) { return "\"" + hash + "\""; }

bool HasAlready(const ApiRequest& request, const std::string& hash) {
  return request.http.headers.Get("If-None-Match") == EntityTag(hash);
}

// `body` is null for who has it already.
http::Response Tagged(std::shared_ptr<const std::string> body, std::string_view type,
                      const std::string& hash) {
  http::Response response;
  response.headers.Set("Content-Type", std::string(type));
  response.headers.Set("ETag", EntityTag(hash));
  response.headers.Set("Vary", "Accept");
  if (body == nullptr) response.status = 304;
  response.shared_body = std::move(body);
  return response;
}

}  // namespace

http::Response OpenApi::V2(const ApiRequest& request) {
  std::string_view type = MediaTypeOf(Encoding::kJson);
  for (const AcceptClause& clause : ParseAccept(request.http.headers.Get("Accept"))) {
    if (clause.type == kGnosticV2 || clause.type == kGnosticAsked) {
      type = kGnosticV2;
      break;
    }
    if (clause.type == MediaTypeOf(Encoding::kJson) || clause.type == "*/*") break;
  }
  auto known = v2_.find(type);
  if (known == v2_.end()) {
    Value document = DocumentV2(resources_);
    bool json = type == MediaTypeOf(Encoding::kJson);
    std::string body = json ? json::Dump(document) : GnosticV2(document);
    std::string hash = http::Sha256Hex(body);
    Document made{std::make_shared<const std::string>(std::move(body)), std::move(hash)};
    known = v2_.emplace(std::string(type), std::move(made)).first;
  }
  const Document& document = known->second;
  return Tagged(HasAlready(request, document.hash) ? nullptr : document.bytes, type, document.hash);
}

const std::string& OpenApi::HashOf(std::string_view path) {
  auto found = hashes_.find(path);
  if (found == hashes_.end()) {
    std::string hash = http::Sha256Hex(json::Dump(DocumentV3(resources_, path)));
    found = hashes_.emplace(std::string(path), std::move(hash)).first;
  }
  return found->second;
}

http::Response OpenApi::V3Index() {
  Value paths = Value::object();
  for (const auto& one : resources_.all()) {
    std::string root = RootPath(*one->kind);
    Value& entry = paths[root.substr(1)];
    if (!entry.is_null()) continue;
    entry = {{"serverRelativeURL", std::string(kV3Root) + root + "?hash=" + HashOf(root)}};
  }
  http::Response response;
  response.body = json::Dump({{"paths", std::move(paths)}});
  SetContentType(response, Encoding::kJson);
  return response;
}

std::optional<http::Response> OpenApi::V3(const ApiRequest& request, std::string_view path) {
  bool served = std::any_of(resources_.all().begin(), resources_.all().end(),
                            [&](const auto& one) { return RootPath(*one->kind) == path; });
  if (!served) return std::nullopt;
  const std::string& hash = HashOf(path);
  std::shared_ptr<const std::string> body;
  if (!HasAlready(request, hash)) {
    body = std::make_shared<const std::string>(json::Dump(DocumentV3(resources_, path)));
  }
  http::Response response = Tagged(std::move(body), MediaTypeOf(Encoding::kJson), hash);
  if (request.query.Get("hash") == hash) {
    response.headers.Set("Cache-Control", "public, immutable");
  }
  return response;
}

std::optional<http::Response> OpenApi::Serve(const ApiRequest& request) {
  std::string_view path = request.info.path;
  if (path == "/openapi/v2") return V2(request);
  if (path == kV3Root || path == "/openapi/v3/") return V3Index();
  if (path.starts_with(kV3Root)) return V3(request, path.substr(kV3Root.size()));
  return std::nullopt;
}

}  // namespace wherry::apiserver::openapi
