#include "lib/http/jwt.h"

#include "lib/http/certificates.h"
#include "lib/http/openssl.h"

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include <map>

namespace wherry::http {
namespace {

std::string EcKey(const char* curve) {
  return *openssl::PrivateKeyToPem(openssl::Key(EVP_EC_gen(curve)).get());
}

// A key for each algorithm, made once.
const std::string& KeyFor(const std::string& algorithm) {
  static const std::map<std::string, std::string> keys = {{"RS256", *MakeRsaKey()},
                                                          {"ES256", *MakePrivateKey()},
                                                          {"ES384", EcKey("P-384")},
                                                          {"ES512", EcKey("P-521")}};
  return keys.at(algorithm);
}

struct Parts {
  explicit Parts(const std::string& token)
      : head(token.substr(0, token.find('.'))),
        body(token.substr(head.size() + 1, token.rfind('.') - head.size() - 1)),
        signature(token.substr(token.rfind('.') + 1)) {}
  std::string head;
  std::string body;
  std::string signature;
};

void ExpectRefused(const std::string& key, const std::string& token) {
  const auto verified = VerifyJwt(key, token);
  ASSERT_FALSE(verified.ok()) << token;
  EXPECT_EQ(verified.error().reason, Reason::kUnauthorized) << token;
}

class JwtTest : public testing::TestWithParam<const char*> {
 protected:
  const std::string& Key() { return KeyFor(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(Algorithms, JwtTest, testing::Values("RS256", "ES256", "ES384", "ES512"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(JwtTest, SignedTokenVerifiesWithEitherHalfOfTheKey) {
  const std::string claims = R"({"iss":"https://kubernetes.default.svc","sub":"é"})";
  const std::string token = *SignJwt(Key(), claims);
  EXPECT_EQ(*VerifyJwt(Key(), token), claims);
  EXPECT_EQ(*VerifyJwt(*PublicKeyPem(Key()), token), claims);
}

TEST_P(JwtTest, HeaderNamesTheKeysAlgorithmAndTheKey) {
  EXPECT_EQ(*SigningAlgorithm(Key()), GetParam());
  EXPECT_EQ(*Base64UrlDecode(Parts(*SignJwt(Key(), "{}")).head),
            std::string(R"({"alg":")") + GetParam() + R"(","kid":")" + *KeyId(Key()) + R"("})");
}

TEST_P(JwtTest, AnythingElseIsUnauthorized) {
  const std::string token = *SignJwt(Key(), R"({"sub":"a"})");
  const auto [head, body, signature] = Parts(token);
  const std::string other_body = Base64UrlEncode(R"({"sub":"b"})");
  const std::string short_by_a_byte = Base64UrlDecode(signature)->substr(1);
  for (const std::string& bad :
       {std::string(), std::string("a.b"), head + "." + body, head + "." + body + ".",
        head + "." + other_body + "." + signature, token + ".x", token + "=", "!" + token,
        head + "." + body + "." + Base64UrlEncode(short_by_a_byte),
        head + "." + body + "." + Base64UrlEncode('\0' + *Base64UrlDecode(signature))}) {
    ExpectRefused(Key(), bad);
  }
}

TEST_P(JwtTest, OnlyTheKeysOwnAlgorithmCounts) {
  // The signature of each is right for what the header says or would be: the header never chooses.
  const auto [head, body, signature] = Parts(*SignJwt(Key(), R"({"sub":"a"})"));
  for (const std::string name : {"none", "None", "HS256", "RS256", "RS384", "PS256", "ES256",
                                 "ES384", "ES512", "EdDSA", ""}) {
    if (name == GetParam()) continue;
    const std::string other = Base64UrlEncode(R"({"alg":")" + name + R"("})");
    ExpectRefused(Key(), other + "." + body + "." + signature);
    ExpectRefused(Key(), other + "." + body + ".");
  }
  const std::string twice = Base64UrlEncode(std::string(R"({"alg":")") + GetParam() +
                                            R"(","alg":")" + GetParam() + R"("})");
  ExpectRefused(Key(), twice + "." + body + "." + signature);
  ExpectRefused(Key(), Base64UrlEncode("{}") + "." + body + "." + signature);
  for (const char* other : {"RS256", "ES256", "ES384", "ES512"}) {
    if (GetParam() != std::string(other)) {
      ExpectRefused(KeyFor(other), head + "." + body + "." + signature);
    }
  }
}

TEST_P(JwtTest, AnotherKeyOfTheSameTypeDoesNotVerify) {
  const std::string token = *SignJwt(Key(), R"({"sub":"a"})");
  const std::string name = GetParam();
  const std::string other = name == "RS256"   ? *MakeRsaKey()
                            : name == "ES256" ? *MakePrivateKey()
                                              : EcKey(name == "ES384" ? "P-384" : "P-521");
  ExpectRefused(other, token);
}

TEST_P(JwtTest, KeyIdIsTheSameForBothHalves) {
  EXPECT_EQ(*KeyId(Key()), *KeyId(*PublicKeyPem(Key())));
  EXPECT_NE(PublicJwk(Key())->find(*KeyId(Key())), std::string::npos);
  EXPECT_NE(PublicJwk(Key())->find(std::string(R"("alg":")") + GetParam() + '"'),
            std::string::npos);
}

// RFC 7515 appendix A.3: somebody else's signature, and the JWK its key is printed as there.
constexpr const char* kRfc7515Key =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
    "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
    "-----END PUBLIC KEY-----\n";

TEST(JwtVectorTest, VerifiesTheExampleOfRfc7515) {
  const std::string token =
      "eyJhbGciOiJFUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
      "fQ."
      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
  const auto claims = VerifyJwt(kRfc7515Key, token);
  ASSERT_TRUE(claims.ok()) << claims.error().message;
  EXPECT_NE(claims->find(R"("iss":"joe")"), std::string::npos);
}

TEST(JwtVectorTest, PrintsTheJwkOfRfc7515) {
  const std::string jwk = *PublicJwk(kRfc7515Key);
  EXPECT_NE(jwk.find(R"("kty":"EC","crv":"P-256",)"
                     R"("x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
                     R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")"),
            std::string::npos)
      << jwk;
}

TEST(JwtKeyTest, OtherKeysSignNoTokens) {
  // secp256k1 has P-256's width; Ed25519 has no algorithm that upstream's signer takes.
  const openssl::Key ed25519(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  for (const std::string& key :
       {EcKey("secp256k1"), *openssl::PrivateKeyToPem(ed25519.get()), std::string("no key")}) {
    const auto token = SignJwt(key, "{}");
    ASSERT_FALSE(token.ok());
    EXPECT_EQ(token.error().reason, Reason::kBadRequest);
  }
}

TEST(Base64UrlTest, RoundTripsAndRefusesWhatIsNotCanonical) {
  EXPECT_EQ(Base64UrlEncode("\xfb\xff"), "-_8");
  EXPECT_EQ(*Base64UrlDecode("-_8"), "\xfb\xff");
  EXPECT_EQ(*Base64UrlDecode(""), "");
  for (const char* bad : {"-_9", "A", "a+b/", "aa==", "a b"}) {
    EXPECT_FALSE(Base64UrlDecode(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace wherry::http
