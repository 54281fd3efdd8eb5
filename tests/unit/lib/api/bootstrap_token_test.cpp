#include "lib/api/bootstrap_token.h"

#include "proto/api/core/v1.pb.h"
#include "proto/api/meta/v1.pb.h"

#include <gtest/gtest.h>

namespace wherry::api {
namespace {

using namespace std::chrono_literals;

const BootstrapToken kToken{.id = "abcdef", .secret = "0123456789abcdef"};
const WallClock kNow{std::chrono::seconds(1'700'000'000)};

// The form of a token, and what only looks like it.
TEST(BootstrapTokenTest, Parse) {
  const auto parsed = ParseBootstrapToken("abcdef.0123456789abcdef");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->id, kToken.id);
  EXPECT_EQ(parsed->secret, kToken.secret);
  EXPECT_EQ(parsed->SecretName(), "bootstrap-token-abcdef");
  for (const char* wrong :
       {"", ".", "abcdef0123456789abcdef", "abcdef.0123456789abcde", "abcdef.0123456789abcdefg",
        "Abcdef.0123456789abcdef", "abc/ef.0123456789abcdef", "abcdef.0123456789abc.ef"}) {
    EXPECT_FALSE(ParseBootstrapToken(wrong).ok()) << wrong;
  }
}

// What is made is read again; another name or type is no token.
TEST(BootstrapTokenTest, SecretAndBack) {
  const auto secret =
      MakeBootstrapSecret(kToken, {.expiration = kNow + 1h, .description = "for b"});
  EXPECT_EQ(secret->data().at("expiration"), FormatTime(kNow + 1h));
  EXPECT_EQ(BootstrapTokenOf(*secret)->Text(), kToken.Text());
  EXPECT_EQ(BootstrapDescription(*secret), "for b");
  EXPECT_TRUE(Authenticates(*secret));
  auto other = *secret;
  other.set_type("Opaque");
  EXPECT_FALSE(BootstrapTokenOf(other).ok());
  other = *secret;
  other.mutable_metadata()->set_name("bootstrap-token-abcdeg");
  EXPECT_FALSE(BootstrapTokenOf(other).ok());
}

TEST(BootstrapTokenTest, Expiration) {
  auto secret = MakeBootstrapSecret(kToken, {.expiration = kNow + 1h, .description = ""});
  EXPECT_FALSE(HasExpired(*secret, kNow + 59min));
  EXPECT_TRUE(HasExpired(*secret, kNow + 1h));
  (*secret->mutable_data())["expiration"] = "tomorrow";
  EXPECT_TRUE(HasExpired(*secret, kNow)) << "what is no time has expired";
  secret->mutable_data()->erase("expiration");
  EXPECT_FALSE(HasExpired(*secret, kNow + 24h * 365 * 100));
}

TEST(BootstrapTokenTest, Groups) {
  auto secret = MakeBootstrapSecret(kToken, {});
  using Strings = std::vector<std::string>;
  EXPECT_EQ(*BootstrapGroups(*secret),
            (Strings{"system:bootstrappers", "system:bootstrappers:kubeadm:default-node-token"}));
  auto& extra = (*secret->mutable_data())["auth-extra-groups"];
  extra = "";
  EXPECT_EQ(*BootstrapGroups(*secret), Strings{"system:bootstrappers"});
  extra = "system:bootstrappers:a,system:bootstrappers:b-1,system:bootstrappers:a";
  EXPECT_EQ(*BootstrapGroups(*secret), (Strings{"system:bootstrappers", "system:bootstrappers:a",
                                                "system:bootstrappers:b-1"}));
  for (const char* wrong : {"system:masters", "system:bootstrappers",
                            "system:bootstrappers:", "system:bootstrappers:a-",
                            "system:bootstrappers:a,", "system:bootstrappers:a,system:masters"}) {
    extra = wrong;
    EXPECT_FALSE(BootstrapGroups(*secret).ok()) << wrong;
  }
}

}  // namespace
}  // namespace wherry::api
