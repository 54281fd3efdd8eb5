#include "apiserver/authn/service_account_tokens.h"

#include "lib/loop/world.h"
#include "lib/telemetry/metrics.h"

#include <gtest/gtest.h>

#include <sstream>

namespace wherry::apiserver::authn {
namespace {

using namespace std::chrono_literals;

// How often a token's signature had to be verified.
int Misses() {
  std::istringstream lines(telemetry::DefaultRegistry().Expose());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("authentication_token_cache_request_total{status=\"miss\"}"))
      return std::stoi(line.substr(line.rfind(' ')));
  }
  return 0;
}

class ServiceAccountTokensTest : public ::testing::Test {
 protected:
  ServiceAccountTokens::Options Options() {
    static const std::string key = http::MakeRsaKey().value();
    ServiceAccountTokens::Options options;
    options.private_key_pem = key;
    options.still_valid = [this](const TokenSubject& subject) {
      ++asked_;
      return subject.service_account == "a" && valid_;
    };
    return options;
  }
  std::string Issue(std::vector<std::string> audiences = {}) {
    const TokenSubject subject{
        .ns = "n", .service_account = "a", .service_account_uid = "u", .pod = "", .pod_uid = ""};
    auto issued = tokens_.Issue(subject, std::move(audiences), 600s);
    EXPECT_TRUE(issued.ok());
    return issued->token;
  }
  bool Accepts(const std::string& token, std::vector<std::string> audiences = {}) {
    auto found = tokens_.Authenticate(token, audiences);
    return found.ok() && found->user.name == "system:serviceaccount:n:a";
  }

  SimWorld sim_{5};
  bool valid_ = true;
  int asked_ = 0;
  ServiceAccountTokens tokens_{sim_.world().clock, Options()};
};

// A signature is verified once; whether the token still holds is asked with each request.
TEST_F(ServiceAccountTokensTest, RemembersWhatItHasVerified) {
  const std::string token = Issue();
  const int before = Misses();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Accepts(token));
  EXPECT_EQ(Misses(), before + 1);
  EXPECT_EQ(asked_, 10);
  EXPECT_FALSE(Accepts(token, {"somebody else"}));
  valid_ = false;
  EXPECT_FALSE(Accepts(token));
  valid_ = true;
  EXPECT_TRUE(Accepts(token));
  EXPECT_EQ(Misses(), before + 1);
  sim_.Advance(601s);
  EXPECT_FALSE(Accepts(token)) << "expired";
  EXPECT_FALSE(Accepts(token)) << "forgotten, and expired still";
}

// One character makes it another token, whose signature nobody has verified.
TEST_F(ServiceAccountTokensTest, ARememberedTokenVouchesForNoOther) {
  const std::string token = Issue();
  EXPECT_TRUE(Accepts(token));
  for (size_t at = 0; at < token.size(); at += 7) {
    std::string forged = token;
    forged[at] = forged[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(Accepts(forged)) << at;
  }
  EXPECT_FALSE(Accepts(token + "A"));
  EXPECT_FALSE(Accepts(token.substr(0, token.size() - 1)));
}

// An audience that was good once does not make the token good for others, nor the other way round.
TEST_F(ServiceAccountTokensTest, AudiencesAreComparedEachTime) {
  const std::string token = Issue({"vault", "db"});
  EXPECT_FALSE(Accepts(token));
  EXPECT_TRUE(Accepts(token, {"db"}));
  EXPECT_FALSE(Accepts(token, {"mail"}));
  auto found = tokens_.Authenticate(token, {"db", "mail", "vault"});
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->audiences, (std::vector<std::string>{"db", "vault"}));
}

}  // namespace
}  // namespace wherry::apiserver::authn
