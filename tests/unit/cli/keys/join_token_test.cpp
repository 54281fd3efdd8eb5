#include "cli/keys/join_token.h"

#include "lib/http/certificates.h"

#include <gtest/gtest.h>

namespace wherry::cli {
namespace {

// The word names the CA and the token; what is cut, longer or of other characters is none.
TEST(JoinTokenTest, RoundTrip) {
  SimWorld sim(1);
  const auto ca =
      http::MakeCertificateAuthority("ca", sim.world().clock.Now(), std::chrono::hours(1));
  const api::BootstrapToken token = RandomBootstrapToken(sim.world().random);
  EXPECT_NE(token.Text(), RandomBootstrapToken(sim.world().random).Text());
  const std::string word = MakeJoinToken(ca->certificate_pem, token).value();
  const auto parsed = ParseJoinToken(word);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(parsed->ca_hash, *http::PublicKeyHash(ca->certificate_pem));
  EXPECT_EQ(parsed->bootstrap.Text(), token.Text());
  std::string capital = word;
  capital[2] = 'A';
  for (const std::string& wrong :
       {std::string(), std::string("W1"), word.substr(1), word.substr(0, word.size() - 1),
        word + "x", word.substr(0, 66), word.substr(0, 67), capital}) {
    EXPECT_FALSE(ParseJoinToken(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace wherry::cli
