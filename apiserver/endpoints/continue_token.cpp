#include "apiserver/endpoints/list_options.h"
#include "apiserver/request/status.h"
#include "lib/http/jwt.h"
#include "lib/json/json.h"

#include <nlohmann/json.hpp>

namespace wherry::apiserver::endpoints {

// {"v":"meta.k8s.io/v1","rv":123,"start":"default/web"}, base64url: upstream's form.
// Source: k8s.io/apiserver pkg/storage/continue.go.

namespace {

constexpr std::string_view kVersion = "meta.k8s.io/v1";
constexpr size_t kTokenBytesMax = 8 * 1024;

Error Invalid(std::string_view why) {
  return BadRequestError("continue key is not valid" + std::string(why));
}

// Whether each segment is a name: nothing that could lead out of the resource's prefix.
bool IsCleanKey(std::string_view key) {
  if (key.empty() || key.front() == '/' || key.back() == '/') return false;
  while (!key.empty()) {
    size_t slash = key.find('/');
    std::string_view segment = key.substr(0, slash);
    if (segment.empty() || segment == "." || segment == "..") return false;
    key = slash == std::string_view::npos ? std::string_view() : key.substr(slash + 1);
  }
  return true;
}

}  // namespace

std::string EncodeContinue(const ContinueToken& token, const Resource& resource) {
  std::string start = token.start_after.substr(resource.key_prefix.size());
  std::string text = "{\"v\":\"" + std::string(kVersion) +
                     "\",\"rv\":" + std::to_string(token.revision) + ",\"start\":";
  json::AppendQuoted(text, start);
  return http::Base64UrlEncode(text + '}');
}

Result<ContinueToken> DecodeContinue(std::string_view text, const Resource& resource) {
  if (text.size() > kTokenBytesMax) return Invalid(": too long");
  auto bytes = http::Base64UrlDecode(text);
  if (!bytes.ok()) return Invalid(": " + bytes.error().message);
  auto document = json::Parse(*bytes);
  if (!document.ok() || !document->is_object()) return Invalid(": not a JSON object");
  if (document->value("v", json::Value()) != kVersion) {
    return Invalid(": server does not recognize this encoded version");
  }
  json::Value revision = document->value("rv", json::Value());
  json::Value start = document->value("start", json::Value());
  if (!revision.is_number_integer() || revision == 0 || revision < -1) {
    return Invalid(": incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
  }
  if (!start.is_string() || start == "") {
    return Invalid(": encoded start key empty (version meta.k8s.io/v1)");
  }
  std::string key = start.get<std::string>();
  if (!IsCleanKey(key)) return Invalid(": " + key);
  return ContinueToken{.revision = revision.get<int64_t>(),
                       .start_after = resource.key_prefix + key};
}

}  // namespace wherry::apiserver::endpoints
