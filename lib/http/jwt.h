#pragma once

#include "lib/base/result.h"

#include <string>
#include <string_view>

// JSON Web Tokens, RS256 (RFC 7515, RFC 7518 section 3.3): service account tokens. Any thread.
namespace wherry::http {

// A new RSA-2048 key, PKCS#8 PEM; about 100 ms of CPU.
Result<std::string> MakeRsaKey();
// Its public half, PEM. Errors: kBadRequest.
Result<std::string> PublicKeyPem(const std::string& private_key_pem);
// base64url SHA-256 of the DER public key: the `kid` upstream writes.
Result<std::string> KeyId(const std::string& key_pem);
// The key's public members as one JWK (RFC 7517), for /openid/v1/jwks.
Result<std::string> PublicJwk(const std::string& key_pem);

// Signs `claims` (a JSON object's text). Errors: kBadRequest when the key does not load.
Result<std::string> SignJwt(const std::string& private_key_pem, std::string_view claims);
// The claims' text when a key (private or public PEM) made the signature.
// Errors: kUnauthorized for a malformed token, another algorithm or a wrong signature. The caller
// checks expiry, issuer and audience.
Result<std::string> VerifyJwt(const std::string& key_pem, std::string_view token);

// RFC 4648 section 5 without padding. Errors: kBadRequest.
std::string Base64UrlEncode(std::string_view bytes);
Result<std::string> Base64UrlDecode(std::string_view text);
std::string Sha256Hex(std::string_view bytes);

}  // namespace wherry::http
