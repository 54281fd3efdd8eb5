#include "lib/http/jwt.h"

#include <gtest/gtest.h>

namespace wherry::http {
namespace {

class JwtTest : public testing::Test {
 protected:
  static const std::string& Key() {
    static const std::string key = *MakeRsaKey();
    return key;
  }
};

TEST_F(JwtTest, SignedTokenVerifiesWithEitherHalfOfTheKey) {
  const std::string claims = R"({"iss":"https://kubernetes.default.svc","sub":"é"})";
  const std::string token = *SignJwt(Key(), claims);
  EXPECT_EQ(*VerifyJwt(Key(), token), claims);
  EXPECT_EQ(*VerifyJwt(*PublicKeyPem(Key()), token), claims);
}

TEST_F(JwtTest, AnythingElseIsUnauthorized) {
  const std::string token = *SignJwt(Key(), R"({"sub":"a"})");
  const size_t first = token.find('.');
  const size_t second = token.find('.', first + 1);
  const std::string head = token.substr(0, first);
  const std::string body = token.substr(first + 1, second - first - 1);
  const std::string signature = token.substr(second + 1);
  const std::string other_body = Base64UrlEncode(R"({"sub":"b"})");
  const std::string none = Base64UrlEncode(R"({"alg":"none"})");
  const std::string hs256 = Base64UrlEncode(R"({"alg":"HS256"})");
  for (const std::string& bad :
       {std::string(), std::string("a.b"), head + "." + body, head + "." + body + ".",
        head + "." + other_body + "." + signature, none + "." + body + ".",
        hs256 + "." + body + "." + signature, token + ".x", token + "=", "!" + token,
        head + "." + body + "." + signature.substr(4)}) {
    const auto verified = VerifyJwt(Key(), bad);
    ASSERT_FALSE(verified.ok()) << bad;
    EXPECT_EQ(verified.error().reason, Reason::kUnauthorized) << bad;
  }
  EXPECT_FALSE(VerifyJwt(*MakeRsaKey(), token).ok());
}

TEST_F(JwtTest, KeyIdIsTheSameForBothHalves) {
  EXPECT_EQ(*KeyId(Key()), *KeyId(*PublicKeyPem(Key())));
  EXPECT_NE(PublicJwk(Key())->find(*KeyId(Key())), std::string::npos);
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
