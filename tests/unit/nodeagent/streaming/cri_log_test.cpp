#include "nodeagent/streaming/cri_log.h"

#include "nodeagent/streaming/kubelet_api.h"

#include <gtest/gtest.h>

namespace wherry::nodeagent::streaming {
namespace {

constexpr const char* kEntries[] = {
    "2026-01-01T00:00:00.000000001Z stdout F one", "2026-01-01T00:00:01.5Z stderr P tw",
    "2026-01-01T00:00:01.6Z stderr F o", "not an entry", "2026-01-01T00:00:02Z stdout F three"};

std::string Filter(LogOptions options) {
  LogFilter filter(std::move(options));
  std::string out;
  for (const char* entry : kEntries) filter.Add(entry, &out);
  return out;
}

TEST(CriLogTest, PartialEntriesAreJoinedAndRubbishLeftOut) {
  EXPECT_EQ(Filter({}), "one\ntwo\nthree\n");
  EXPECT_EQ(Filter({.timestamps = true}),
            "2026-01-01T00:00:00.000000001Z one\n2026-01-01T00:00:01.5Z two\n"
            "2026-01-01T00:00:02Z three\n");
}

TEST(CriLogTest, LimitsAndSince) {
  EXPECT_EQ(Filter({.limit_bytes = 5}), "one\nt");
  EXPECT_EQ(Filter({.since = "2026-01-01T00:00:01.600000000Z"}), "o\nthree\n");
  EXPECT_EQ(Filter({.since = "2026-01-01T00:00:02.000000000Z"}), "three\n");
}

TEST(CriLogTest, TailCountsWholeLines) {
  std::string text;
  for (const char* entry : kEntries) text += std::string(entry) + "\n";
  EXPECT_EQ(TailOffset(text, 0), text.size());
  EXPECT_EQ(text.substr(TailOffset(text, 1)), std::string(kEntries[4]) + "\n");
  // Without the malformed entry: the second line from the end has two entries.
  const std::string clean = std::string(kEntries[0]) + "\n" + kEntries[1] + "\n" + kEntries[2] +
                            "\n" + kEntries[4] + "\n";
  EXPECT_EQ(clean.substr(TailOffset(clean, 2)),
            std::string(kEntries[1]) + "\n" + kEntries[2] + "\n" + kEntries[4] + "\n");
  EXPECT_EQ(TailOffset(clean, 3), 0U);
  EXPECT_EQ(TailOffset(clean, 30), 0U);
  EXPECT_EQ(TailOffset("", 3), 0U);
}

TEST(CriLogTest, TheQueryIsChecked) {
  const WallTime now{};
  auto options = ParseLogOptions("follow=true&tailLines=10&sinceTime=2026-01-01T00:00:01Z", now);
  ASSERT_TRUE(options.ok());
  EXPECT_TRUE(options->follow);
  EXPECT_EQ(options->tail_lines, 10);
  EXPECT_EQ(options->since, "2026-01-01T00:00:01.000000000Z");
  EXPECT_FALSE(ParseLogOptions("tailLines=-1", now).ok());
  EXPECT_FALSE(ParseLogOptions("limitBytes=x", now).ok());
}

}  // namespace
}  // namespace wherry::nodeagent::streaming
