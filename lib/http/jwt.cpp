#include "lib/http/jwt.h"

#include "lib/http/openssl.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <cstdint>
#include <memory>

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

struct DigestDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using DigestContext = std::unique_ptr<EVP_MD_CTX, DigestDeleter>;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

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

Result<std::string> NumberOf(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &number) != 1) return OpenSslError("read RSA key");
  std::string bytes(static_cast<size_t>(BN_num_bytes(number)), '\0');
  BN_bn2bin(number, reinterpret_cast<unsigned char*>(bytes.data()));
  BN_free(number);
  return Base64UrlEncode(bytes);
}

Error BadToken(std::string_view why) {
  return MakeError(Reason::kUnauthorized, "token: " + std::string(why));
}

// The value of "alg" in a JOSE header. It is ours or another issuer's JSON; only the exact member
// RS256 will do.
bool SaysRs256(std::string_view header) {
  std::string compact;
  for (const char c : header) {
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') compact += c;
  }
  const size_t first = compact.find(R"("alg":)");
  return first != std::string::npos && compact.find(R"("alg":)", first + 1) == std::string::npos &&
         std::string_view(compact).substr(first).starts_with(R"("alg":"RS256")");
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
  TRY(const std::string modulus, NumberOf(key.get(), OSSL_PKEY_PARAM_RSA_N));
  TRY(const std::string exponent, NumberOf(key.get(), OSSL_PKEY_PARAM_RSA_E));
  TRY(const std::string id, KeyId(key_pem));
  return R"({"use":"sig","kty":"RSA","kid":")" + id + R"(","alg":"RS256","n":")" + modulus +
         R"(","e":")" + exponent + R"("})";
}

Result<std::string> SignJwt(const std::string& private_key_pem, std::string_view claims) {
  TRY(const openssl::Key key, openssl::PrivateKeyFromPem(private_key_pem));
  TRY(const std::string id, KeyId(private_key_pem));
  const std::string header = R"({"alg":"RS256","kid":")" + id + R"("})";
  std::string token = Base64UrlEncode(header) + "." + Base64UrlEncode(claims);
  const DigestContext context(EVP_MD_CTX_new());
  size_t size = 0;
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, Bytes(token), token.size()) != 1) {
    return OpenSslError("sign token");
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     Bytes(token), token.size()) != 1) {
    return OpenSslError("sign token");
  }
  signature.resize(size);
  return token + "." + Base64UrlEncode(signature);
}

Result<std::string> VerifyJwt(const std::string& key_pem, std::string_view token) {
  const size_t first = token.find('.');
  const size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
    return BadToken("not a JSON Web Token");
  }
  auto header = Base64UrlDecode(token.substr(0, first));
  auto claims = Base64UrlDecode(token.substr(first + 1, second - first - 1));
  auto signature = Base64UrlDecode(token.substr(second + 1));
  if (!header.ok() || !claims.ok() || !signature.ok()) return BadToken("illegal base64 data");
  if (!SaysRs256(*header)) return BadToken("algorithm is not RS256");
  TRY(const openssl::Key key, AnyKey(key_pem));
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return BadToken("key is not RSA");
  const DigestContext context(EVP_MD_CTX_new());
  const std::string_view content = token.substr(0, second);
  if (EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestVerify(context.get(), Bytes(*signature), signature->size(), Bytes(content),
                       content.size()) != 1) {
    const Error why = OpenSslError("verify token");  // empties OpenSSL's queue
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
