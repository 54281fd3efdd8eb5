#pragma once

#include "lib/base/result.h"

#include <string>
#include <string_view>

struct evp_md_st;
struct evp_pkey_st;

// The signatures of JSON Web Tokens (RFC 7518 section 3); for this folder's .cpp files.
namespace wherry::http {

// How a key signs. The key alone decides: what a token's header says is compared with it and never
// chooses.
struct JwtAlgorithm {
  std::string_view name;         // "alg" in the header
  std::string_view curve;        // "crv" in a JWK; "" for RSA
  const evp_md_st* (*digest)();  // EVP_sha256 and its like
  size_t coordinate_bytes = 0;   // of a point and of half a signature; 0 for RSA
};

// RS256 for RSA keys, ES256, ES384 or ES512 for keys on P-256, P-384 and
// P-521. Errors: kBadRequest for any other key.
Result<JwtAlgorithm> JwtAlgorithmOf(evp_pkey_st* key);

// The signature as a token carries it: for ECDSA both numbers at full width, one after the other
// (section 3.4), and not OpenSSL's DER.
Result<std::string> SignBytes(const JwtAlgorithm& algorithm, evp_pkey_st* key,
                              std::string_view content);
// False for a wrong signature as for one of another width.
bool SignatureMatches(const JwtAlgorithm& algorithm, evp_pkey_st* key, std::string_view content,
                      std::string_view signature);

}  // namespace wherry::http
