#pragma once

#include "lib/base/result.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

struct evp_pkey_st;

// JSON Web Tokens (RFC 7515): service account tokens. Any thread.
//
// The key says the algorithm: RS256 for RSA, ES256, ES384 or ES512 for ECDSA on P-256, P-384 or
// P-521 (RFC 7518 sections 3.3 and 3.4), what upstream's --service-account-signing-key-file takes.
// New keys are MakePrivateKey's (P-256).
namespace wherry::http {

// A new RSA-2048 key, PKCS#8 PEM; 100 ms of CPU and more.
Result<std::string> MakeRsaKey();
// Its public half, PEM. Errors: kBadRequest.
Result<std::string> PublicKeyPem(const std::string& private_key_pem);
// base64url SHA-256 of the DER public key: the `kid` upstream writes.
Result<std::string> KeyId(const std::string& key_pem);
// The key's public members as one JWK (RFC 7517), for /openid/v1/jwks.
Result<std::string> PublicJwk(const std::string& key_pem);
// The "alg" of what the key signs. Errors: kBadRequest for a key that signs no tokens.
Result<std::string> SigningAlgorithm(const std::string& key_pem);

// Signs `claims` (a JSON object's text). Errors: kBadRequest when the key does not load or signs no
// tokens.
Result<std::string> SignJwt(const std::string& private_key_pem, std::string_view claims);
// The claims' text when a key (private or public PEM) made the signature.
// Errors: kUnauthorized for a malformed token, another algorithm than the key's or a wrong
// signature. The caller checks expiry, issuer and audience.
Result<std::string> VerifyJwt(const std::string& key_pem, std::string_view token);

// VerifyJwt for many tokens of one key, which is read once.
class JwtVerifier {
 public:
  // Errors: kBadRequest when the key does not load or signs no tokens.
  static Result<JwtVerifier> Make(const std::string& key_pem);
  Result<std::string> Verify(std::string_view token) const;

 private:
  explicit JwtVerifier(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
  std::shared_ptr<evp_pkey_st> key_;
};

// RFC 4648 section 5 without padding. Errors: kBadRequest.
std::string Base64UrlEncode(std::string_view bytes);
Result<std::string> Base64UrlDecode(std::string_view text);
std::string Sha256Hex(std::string_view bytes);

}  // namespace wherry::http
