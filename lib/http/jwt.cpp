#include "lib/http/jwt.h"

#include "lib/http/jwt_algorithm.h"
#include "lib/http/openssl.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace wherry::http {
namespace {

using openssl::OpenSslError;

constexpr unsigned kRsaBits = 2048;
constexpr std::string_view kUrlAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<int8_t, 256> MakeDigitValues() {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (size_t i = 0; i < kUrlAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kUrlAlphabet[i])] = static_cast<int8_t>(i);
  }
  return values;
}
constexpr std::array<int8_t, 256> kDigitValues = MakeDigitValues();

Result<openssl::Key> AnyKey(const std::string& pem) {
  if (pem.find("PRIVATE KEY") != std::string::npos) return openssl::PrivateKeyFromPem(pem);
  return openssl::PublicKeyFromPem(pem);
}

Result<std::string> PublicDer(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return OpenSslError("encode public key");
  std::string bytes(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

// The key's number `name`, base64url, with zeros in front up to `width` bytes.
Result<std::string> NumberOf(EVP_PKEY* key, const char* name, size_t width) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &number) != 1) return OpenSslError("read public key");
  std::string bytes(std::max(width, static_cast<size_t>(BN_num_bytes(number))), '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()),
               static_cast<int>(bytes.size()));
  BN_free(number);
  return Base64UrlEncode(bytes);
}

// The members that RFC 7518 section 6 asks of the key's type.
Result<std::string> JwkMembers(EVP_PKEY* key, const JwtAlgorithm& algorithm) {
  if (algorithm.coordinate_bytes == 0) {
    TRY(const std::string modulus, NumberOf(key, OSSL_PKEY_PARAM_RSA_N, 0));
    TRY(const std::string exponent, NumberOf(key, OSSL_PKEY_PARAM_RSA_E, 0));
    return R"("kty":"RSA","n":")" + modulus + R"(","e":")" + exponent + '"';
  }
  TRY(const std::string x, NumberOf(key, OSSL_PKEY_PARAM_EC_PUB_X, algorithm.coordinate_bytes));
  TRY(const std::string y, NumberOf(key, OSSL_PKEY_PARAM_EC_PUB_Y, algorithm.coordinate_bytes));
  return R"("kty":"EC","crv":")" + std::string(algorithm.curve) + R"(","x":")" + x + R"(","y":")" +
         y + '"';
}

Error BadToken(std::string_view why) {
  return MakeError(Reason::kUnauthorized, "token: " + std::string(why));
}

// Whether a JOSE header's "alg" is exactly `name`. The header is ours or another issuer's JSON;
// one that names it twice will not do.
bool SaysAlgorithm(std::string_view header, std::string_view name) {
  std::string compact;
  for (const char c : header) {
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') compact += c;
  }
  const size_t first = compact.find(R"("alg":)");
  return first != std::string::npos && compact.find(R"("alg":)", first + 1) == std::string::npos &&
         std::string_view(compact).substr(first).starts_with(R"("alg":")" + std::string(name) +
                                                             '"');
}

}  // namespace

Result<std::string> MakeRsaKey() {
  const openssl::Key key(EVP_RSA_gen(kRsaBits));
  if (!key) return OpenSslError("make RSA key");
  return openssl::PrivateKeyToPem(key.get());
}

Result<std::string> PublicKeyPem(const std::string& private_key_pem) {
  TRY(const openssl::Key key, openssl::PrivateKeyFromPem(private_key_pem));
  const openssl::Bio bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PUBKEY(bio.get(), key.get()) != 1) return OpenSslError("write public key");
  return openssl::Written(bio);
}

Result<std::string> KeyId(const std::string& key_pem) {
  TRY(const openssl::Key key, AnyKey(key_pem));
  TRY(const std::string der, PublicDer(key.get()));
  return Base64UrlEncode(openssl::Sha256(der));
}

Result<std::string> PublicJwk(const std::string& key_pem) {
  TRY(const openssl::Key key, AnyKey(key_pem));
  TRY(const JwtAlgorithm algorithm, JwtAlgorithmOf(key.get()));
  TRY(const std::string members, JwkMembers(key.get(), algorithm));
  TRY(const std::string id, KeyId(key_pem));
  return R"({"use":"sig","kid":")" + id + R"(","alg":")" + std::string(algorithm.name) + R"(",)" +
         members + "}";
}

Result<std::string> SigningAlgorithm(const std::string& key_pem) {
  TRY(const openssl::Key key, AnyKey(key_pem));
  TRY(const JwtAlgorithm algorithm, JwtAlgorithmOf(key.get()));
  return std::string(algorithm.name);
}

Result<std::string> SignJwt(const std::string& private_key_pem, std::string_view claims) {
  TRY(const openssl::Key key, openssl::PrivateKeyFromPem(private_key_pem));
  TRY(const JwtAlgorithm algorithm, JwtAlgorithmOf(key.get()));
  TRY(const std::string id, KeyId(private_key_pem));
  const std::string header =
      R"({"alg":")" + std::string(algorithm.name) + R"(","kid":")" + id + R"("})";
  const std::string content = Base64UrlEncode(header) + "." + Base64UrlEncode(claims);
  TRY(const std::string signature, SignBytes(algorithm, key.get(), content));
  return content + "." + Base64UrlEncode(signature);
}

Result<std::string> VerifyJwt(const std::string& key_pem, std::string_view token) {
  TRY(const JwtVerifier verifier, JwtVerifier::Make(key_pem));
  return verifier.Verify(token);
}

Result<JwtVerifier> JwtVerifier::Make(const std::string& key_pem) {
  TRY(openssl::Key key, AnyKey(key_pem));
  TRY_STATUS(JwtAlgorithmOf(key.get()));
  return JwtVerifier(std::shared_ptr<evp_pkey_st>(std::move(key)));
}

Result<std::string> JwtVerifier::Verify(std::string_view token) const {
  const size_t first = token.find('.');
  const size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
    return BadToken("not a JSON Web Token");
  }
  auto header = Base64UrlDecode(token.substr(0, first));
  auto claims = Base64UrlDecode(token.substr(first + 1, second - first - 1));
  auto signature = Base64UrlDecode(token.substr(second + 1));
  if (!header.ok() || !claims.ok() || !signature.ok()) return BadToken("illegal base64 data");
  TRY(const JwtAlgorithm algorithm, JwtAlgorithmOf(key_.get()));
  if (!SaysAlgorithm(*header, algorithm.name)) {
    return BadToken("algorithm is not " + std::string(algorithm.name) + ", the key's");
  }
  if (!SignatureMatches(algorithm, key_.get(), token.substr(0, second), *signature)) {
    return BadToken("wrong signature");
  }
  return claims;
}

std::string Base64UrlEncode(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  uint32_t group = 0;
  int bits = 0;
  for (const char c : bytes) {
    group = (group << 8) | static_cast<unsigned char>(c);
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      text += kUrlAlphabet[(group >> bits) & 63];
    }
  }
  if (bits > 0) text += kUrlAlphabet[(group << (6 - bits)) & 63];
  return text;
}

Result<std::string> Base64UrlDecode(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    const int8_t value = kDigitValues[static_cast<unsigned char>(c)];
    if (value < 0) return MakeError(Reason::kBadRequest, "illegal base64 data");
    group = (group << 6) | static_cast<uint32_t>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>((group >> bits) & 255);
  }
  // A lone digit, or bits that say nothing: two texts must not mean the same bytes.
  if (bits >= 6 || (group & ((1U << bits) - 1)) != 0) {
    return MakeError(Reason::kBadRequest, "illegal base64 data");
  }
  return bytes;
}

std::string Sha256Hex(std::string_view bytes) { return openssl::Sha256Hex(bytes); }

}  // namespace wherry::http
