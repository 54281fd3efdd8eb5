#include "cli/keys/renewal.h"

#include "lib/api/time.h"
#include "lib/loop/sync.h"
#include "lib/telemetry/log.h"

#include <algorithm>
#include <chrono>

namespace wherry::cli {
namespace {

using namespace std::chrono_literals;

constexpr telemetry::Logger kLog("certificates");
constexpr double kEarliest = 0.7;
constexpr double kLatest = 0.8;
constexpr WallTime::duration kLookAtClock = 1h;

// Between one and two minutes, so that nodes do not come back together.
std::chrono::milliseconds RetryDelay(Random& random) {
  return 60s + std::chrono::milliseconds(random.Below(60'000));
}

}  // namespace

WallTime RenewalTime(const http::ParsedCertificate& certificate, Random& random) {
  const auto life = certificate.not_after - certificate.not_before;
  const double part = kEarliest + (kLatest - kEarliest) * random.Fraction();
  return certificate.not_before + std::chrono::duration_cast<WallTime::duration>(life * part);
}

Task<void> KeepRenewed(World& world, std::string name, std::string certificate_pem, Renew renew) {
  for (;;) {
    const auto parsed = http::ParseCertificate(certificate_pem);
    CHECK_OK(parsed);
    const WallTime due = RenewalTime(*parsed, world.random);
    while (world.clock.Now() < due) {
      co_await SleepFor(world.loop, std::min(due - world.clock.Now(), kLookAtClock));
    }
    for (;;) {
      auto renewing = renew();
      auto renewed = co_await std::move(renewing);
      if (renewed.ok()) {
        certificate_pem = std::move(*renewed);
        break;
      }
      kLog.Warn("certificate not renewed", {{"certificate", name},
                                            {"expires", api::FormatTime(parsed->not_after)},
                                            {"error", renewed.error().message}});
      co_await SleepFor(world.loop, RetryDelay(world.random));
    }
    kLog.Info("certificate renewed", {{"certificate", name}});
  }
}

}  // namespace wherry::cli
