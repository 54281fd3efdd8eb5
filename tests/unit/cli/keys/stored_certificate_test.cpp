#include "cli/keys/stored_certificate.h"

#include <gtest/gtest.h>

namespace wherry::cli {
namespace {

using std::chrono::hours;

constexpr WallTime kIssued{hours(24 * 365 * 50)};

http::ParsedCertificate Stored() {
  return {.subject = {.common_name = "system:node:a", .organizations = {"system:nodes"}},
          .dns_names = {"a"},
          .ip_addresses = {"10.0.0.2", "127.0.0.1"},
          .not_before = kIssued,
          .not_after = kIssued + hours(300)};
}

http::CertificateRequest Wanted() {
  return {.subject = {.common_name = "system:node:a", .organizations = {"system:nodes"}},
          .dns_names = {"a"},
          .ip_addresses = {"10.0.0.2"}};
}

// A node that was renamed, or that has moved to another address, needs a certificate of its own.
TEST(StillServes, AsksForTheSameNames) {
  EXPECT_TRUE(StillServes(Stored(), Wanted(), kIssued));
  auto renamed = Wanted();
  renamed.subject.common_name = "system:node:b";
  EXPECT_FALSE(StillServes(Stored(), renamed, kIssued));
  auto moved = Wanted();
  moved.ip_addresses = {"10.0.0.3"};
  EXPECT_FALSE(StillServes(Stored(), moved, kIssued));
  auto host = Wanted();
  host.dns_names = {"b"};
  EXPECT_FALSE(StillServes(Stored(), host, kIssued));
  auto masters = Wanted();
  masters.subject.organizations = {"system:masters"};
  EXPECT_FALSE(StillServes(Stored(), masters, kIssued));
}

TEST(StillServes, LeavesAThirdOfTheLifeForTheNextStart) {
  EXPECT_TRUE(StillServes(Stored(), Wanted(), kIssued + hours(199)));
  EXPECT_FALSE(StillServes(Stored(), Wanted(), kIssued + hours(200)));
  EXPECT_FALSE(StillServes(Stored(), Wanted(), kIssued + hours(400)));
  EXPECT_FALSE(StillServes(Stored(), Wanted(), kIssued - hours(1)));
}

}  // namespace
}  // namespace wherry::cli
