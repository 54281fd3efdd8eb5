#include "apiserver/openid.h"

#include "lib/http/jwt.h"
#include "lib/json/json.h"

#include <nlohmann/json.hpp>

namespace wherry::apiserver {
namespace {

constexpr const char* kConfigurationPath = "/.well-known/openid-configuration";
constexpr const char* kKeysPath = "/openid/v1/jwks";

}  // namespace

Result<OpenIdDocuments> OpenIdDocuments::Make(const Options& options) {
  TRY(const std::string algorithm, http::SigningAlgorithm(options.signing_key_pem));
  TRY(const std::string key, http::PublicJwk(options.signing_key_pem));
  OpenIdDocuments documents;
  documents.configuration_ =
      json::Dump({{"issuer", options.issuer},
                  {"jwks_uri", "https://" + options.advertise_address + kKeysPath},
                  {"response_types_supported", json::Value::array({"id_token"})},
                  {"subject_types_supported", json::Value::array({"public"})},
                  {"id_token_signing_alg_values_supported", json::Value::array({algorithm})}});
  documents.keys_ = R"({"keys":[)" + key + "]}";
  return documents;
}

std::optional<http::Response> OpenIdDocuments::Serve(const ApiRequest& request) const {
  const std::string& path = request.info.path;
  if (path != kConfigurationPath && path != kKeysPath) return std::nullopt;
  const bool keys = path == kKeysPath;
  http::Response response;
  response.body = keys ? keys_ : configuration_;
  response.headers.Set("Content-Type", keys ? "application/jwk-set+json" : "application/json");
  response.headers.Set("Cache-Control", "public, max-age=3600");
  return response;
}

}  // namespace wherry::apiserver
