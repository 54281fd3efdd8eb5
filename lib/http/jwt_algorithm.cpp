#include "lib/http/jwt_algorithm.h"

#include "lib/http/openssl.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>

#include <array>
#include <memory>
#include <optional>

namespace wherry::http {
namespace {

using openssl::OpenSslError;

constexpr JwtAlgorithm kRs256{.name = "RS256", .curve = "", .digest = EVP_sha256};

struct CurveRow {
  int nid;
  JwtAlgorithm algorithm;
};
constexpr std::array<CurveRow, 3> kCurves = {{
    {NID_X9_62_prime256v1,
     {.name = "ES256", .curve = "P-256", .digest = EVP_sha256, .coordinate_bytes = 32}},
    {NID_secp384r1,
     {.name = "ES384", .curve = "P-384", .digest = EVP_sha384, .coordinate_bytes = 48}},
    {NID_secp521r1,
     {.name = "ES512", .curve = "P-521", .digest = EVP_sha512, .coordinate_bytes = 66}},
}};

struct DigestDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using DigestContext = std::unique_ptr<EVP_MD_CTX, DigestDeleter>;

struct SignatureDeleter {
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, SignatureDeleter>;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Result<std::string> RawFromDer(std::string_view der, size_t coordinate_bytes) {
  const unsigned char* at = Bytes(der);
  const EcdsaSignature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!signature) return OpenSslError("read signature");
  std::string raw(2 * coordinate_bytes, '\0');
  auto* r = reinterpret_cast<unsigned char*>(raw.data());
  const int width = static_cast<int>(coordinate_bytes);
  if (BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), r, width) != width ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), r + width, width) != width) {
    return OpenSslError("write signature");
  }
  return raw;
}

// Nullopt when the width is not exactly the curve's.
std::optional<std::string> DerFromRaw(std::string_view raw, size_t coordinate_bytes) {
  if (raw.size() != 2 * coordinate_bytes) return std::nullopt;
  const EcdsaSignature signature(ECDSA_SIG_new());
  const int width = static_cast<int>(coordinate_bytes);
  BIGNUM* r = BN_bin2bn(Bytes(raw), width, nullptr);
  BIGNUM* s = BN_bin2bn(Bytes(raw) + width, width, nullptr);
  if (ECDSA_SIG_set0(signature.get(), r, s) != 1) return std::nullopt;
  unsigned char* bytes = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &bytes);
  if (size <= 0) return std::nullopt;
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

}  // namespace

Result<JwtAlgorithm> JwtAlgorithmOf(EVP_PKEY* key) {
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) return kRs256;
  std::array<char, 64> group{};
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
      EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) == 1) {
    const int nid = OBJ_txt2nid(group.data());
    for (const CurveRow& row : kCurves) {
      if (row.nid == nid) return row.algorithm;
    }
  }
  return MakeError(Reason::kBadRequest, "a token's key is RSA, or ECDSA on P-256, P-384 or P-521");
}

Result<std::string> SignBytes(const JwtAlgorithm& algorithm, EVP_PKEY* key,
                              std::string_view content) {
  const DigestContext context(EVP_MD_CTX_new());
  size_t size = 0;
  if (EVP_DigestSignInit(context.get(), nullptr, algorithm.digest(), nullptr, key) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, Bytes(content), content.size()) != 1) {
    return OpenSslError("sign token");
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     Bytes(content), content.size()) != 1) {
    return OpenSslError("sign token");
  }
  signature.resize(size);
  if (algorithm.coordinate_bytes == 0) return signature;
  return RawFromDer(signature, algorithm.coordinate_bytes);
}

bool SignatureMatches(const JwtAlgorithm& algorithm, EVP_PKEY* key, std::string_view content,
                      std::string_view signature) {
  std::optional<std::string> der;
  if (algorithm.coordinate_bytes != 0) {
    der = DerFromRaw(signature, algorithm.coordinate_bytes);
    if (!der) return false;
    signature = *der;
  }
  const DigestContext context(EVP_MD_CTX_new());
  const bool matches =
      EVP_DigestVerifyInit(context.get(), nullptr, algorithm.digest(), nullptr, key) == 1 &&
      EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(content),
                       content.size()) == 1;
  if (!matches) ERR_clear_error();
  return matches;
}

}  // namespace wherry::http
