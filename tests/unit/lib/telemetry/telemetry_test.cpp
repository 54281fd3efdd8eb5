#include "lib/telemetry/log.h"
#include "lib/telemetry/metrics.h"

#include <gtest/gtest.h>

namespace wherry::telemetry {
namespace {

TEST(LogTest, WritesTheEventAndItsPairs) {
  const LogCapture capture;
  const Logger log("kubelet");
  const std::string key = "default/web";
  log.Info("pod synced",
           {{"pod", key}, {"took_ms", 12}, {"ratio", 0.5}, {"ok", true}, {"why", "a\"b\n\x01"}});
  ASSERT_EQ(capture.lines().size(), 1U);
  EXPECT_EQ(capture.lines()[0].text,
            "kubelet] \"pod synced\" pod=\"default/web\" took_ms=12 ratio=0.5 ok=true "
            "why=\"a\\\"b\\n\\x01\"");
}

TEST(LogTest, LinesBelowTheLevelAreDropped) {
  const LogCapture capture;
  const Logger log("test");
  log.Debug("unseen");
  EXPECT_TRUE(capture.lines().empty());
  SetLogLevel(LevelFromName("debug"));
  log.Debug("seen");
  SetLogLevel(LevelFromName("info"));
  EXPECT_TRUE(capture.Contains(Level::kDebug, "seen"));
  EXPECT_FALSE(capture.Contains(Level::kError, "seen"));
}

TEST(MetricsTest, ExposesCountersGaugesAndHistograms) {
  Registry registry;
  Counter requests = registry.CounterAt("requests_total", "Requests", {{"verb", "GET"}});
  requests.Increment();
  registry.CounterAt("requests_total", "Requests", {{"verb", "GET"}}).Increment(2);
  Gauge depth = registry.GaugeAt("depth", "Depth");
  registry.OnCollect([&depth] { depth.Set(7); });
  Histogram seconds = registry.HistogramAt("seconds", "Seconds", {0.1, 1});
  seconds.Observe(0.5);
  const std::string text = registry.Expose();
  for (const char* line :
       {"# HELP requests_total Requests\n", "# TYPE requests_total counter\n",
        "requests_total{verb=\"GET\"} 3\n", "depth 7\n", "seconds_bucket{le=\"0.1\"} 0\n",
        "seconds_bucket{le=\"1\"} 1\n", "seconds_bucket{le=\"+Inf\"} 1\n", "seconds_sum 0.5\n",
        "seconds_count 1\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
}

}  // namespace
}  // namespace wherry::telemetry
