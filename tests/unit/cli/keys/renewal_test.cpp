#include "cli/keys/renewal.h"

#include "lib/loop/task_scope.h"

#include <gtest/gtest.h>

#include <vector>

namespace wherry::cli {
namespace {

using namespace std::chrono_literals;

class RenewalTest : public testing::Test {
 protected:
  RenewalTest() : ca_(*http::MakeCertificateAuthority("ca", Now(), 24h * 3650)) {}

  WallTime Now() { return sim_.world().clock.Now(); }
  std::string Issue() {
    const http::CertificateRequest request{.subject = {.common_name = "n", .organizations = {}},
                                           .valid_for = kLife};
    return http::IssueCertificate(ca_, request, Now())->certificate_pem;
  }
  void Keep() {
    scope_.Spawn("renewal",
                 KeepRenewed(sim_.world(), "test", Issue(), [this] { return Renewed(); }));
    sim_.Settle();
  }
  Task<Result<std::string>> Renewed() {
    renewals_.push_back(Now());
    if (fails_ > 0) {
      --fails_;
      co_return MakeError(Reason::kServiceUnavailable, "nobody signs");
    }
    co_return Issue();
  }

  static constexpr std::chrono::hours kLife{24 * 100};
  SimWorld sim_{3};
  http::CertifiedKey ca_;
  std::vector<WallTime> renewals_;
  int fails_ = 0;
  TaskScope scope_{sim_.world().loop};
};

// Somewhere between 70 and 80 % of the life, and not always there.
TEST_F(RenewalTest, TimesAreSpread) {
  const auto certificate = *http::ParseCertificate(Issue());
  WallTime first = WallTime::max();
  WallTime last = WallTime::min();
  for (int i = 0; i < 200; ++i) {
    const WallTime due = RenewalTime(certificate, sim_.world().random);
    first = std::min(first, due);
    last = std::max(last, due);
  }
  EXPECT_GE(first - certificate.not_before, kLife * 7 / 10);
  EXPECT_LE(last - certificate.not_before, kLife * 8 / 10 + 1h);
  EXPECT_GT(last - first, kLife * 8 / 100);
}

// Each certificate is followed by the next one, in time.
TEST_F(RenewalTest, RenewsAgainAndAgain) {
  const WallTime start = Now();
  Keep();
  sim_.Advance(kLife * 7 / 10 - 1h);
  EXPECT_TRUE(renewals_.empty());
  sim_.Advance(kLife / 10 + 2h);
  ASSERT_EQ(renewals_.size(), 1U);
  sim_.Advance(kLife);
  ASSERT_EQ(renewals_.size(), 2U);
  EXPECT_GE(renewals_[1] - renewals_[0], kLife * 7 / 10 - 1h);
  EXPECT_LE(renewals_[0] - start, kLife * 8 / 10 + 1h);
}

// Nobody signs for a while: it goes on asking, every minute or two.
TEST_F(RenewalTest, TriesAgainAfterAnError) {
  fails_ = 3;
  Keep();
  sim_.Advance(kLife * 8 / 10 + 1h);
  ASSERT_EQ(renewals_.size(), 4U);
  for (size_t i = 1; i < renewals_.size(); ++i) {
    EXPECT_GE(renewals_[i] - renewals_[i - 1], 60s);
    EXPECT_LE(renewals_[i] - renewals_[i - 1], 120s);
  }
}

// A machine whose clock was wrong, or that slept, renews when it notices.
TEST_F(RenewalTest, FollowsTheWallClock) {
  Keep();
  sim_.JumpWallClock(kLife * 9 / 10);
  EXPECT_TRUE(renewals_.empty());
  sim_.Advance(1h);
  EXPECT_EQ(renewals_.size(), 1U);
}

}  // namespace
}  // namespace wherry::cli
