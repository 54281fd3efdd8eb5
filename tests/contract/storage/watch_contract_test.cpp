// Watches and history, as every store promises them.

#include "tests/contract/storage/storage_contract.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace wherry::apiserver::storage {
namespace {

using testing::ElementsAre;

using WatchContract = StorageContract;

TEST_P(WatchContract, WatchFromNowSeesOnlyWhatComes) {
  Create("/a", "1");
  auto watcher = Watch("/", 0);
  Create("/b", "1");
  Put("/a", 2, "2");
  Delete("/b", 3);
  EXPECT_THAT(Story(Next(*watcher, 3)), ElementsAre("+/b=1", "~/a=2(1)", "-/b=1"));
}

TEST_P(WatchContract, EventsCarryTheirRevisions) {
  auto watcher = Watch("", 0);
  Create("/a", "1");
  Put("/a", 2, "2");
  Delete("/a", 3);
  EventList events = Next(*watcher, 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(events[static_cast<size_t>(i)]->revision, i + 2);
  EXPECT_EQ(events[0]->kv.create_revision, 2);
  EXPECT_EQ(events[0]->previous_value, nullptr);
  EXPECT_EQ(events[1]->kv.mod_revision, 3);
  EXPECT_EQ(events[1]->kv.create_revision, 2);
  // A deletion carries the last state and its revisions.
  EXPECT_EQ(events[2]->kv.mod_revision, 3);
  EXPECT_EQ(events[2]->kv.create_revision, 2);
  ASSERT_NE(events[2]->previous_value, nullptr);
  EXPECT_EQ(*events[2]->previous_value, "2");
}

TEST_P(WatchContract, WatchSelectsByPrefix) {
  auto pods = Watch("/pods/", 0);
  auto one = Watch("/pods/a", 0);
  Create("/pods/a", "1");
  Create("/podsx/a", "1");
  Create("/pods/b", "1");
  Create("/pods/ab", "1");
  EXPECT_THAT(Story(Next(*pods, 3)), ElementsAre("+/pods/a=1", "+/pods/b=1", "+/pods/ab=1"));
  EXPECT_THAT(Story(Next(*one, 2)), ElementsAre("+/pods/a=1", "+/pods/ab=1"));
}

TEST_P(WatchContract, WatchResumesFromAnyRevisionThatIsKept) {
  Create("/a", "1");  // 2
  Create("/b", "1");  // 3
  Put("/a", 2, "2");  // 4
  Delete("/b", 3);    // 5
  Create("/b", "2");  // 6
  const std::vector<std::string> all{"+/a=1", "+/b=1", "~/a=2(1)", "-/b=1", "+/b=2", "~/a=3(2)"};
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (Revision after = 1; after <= 6; ++after) watchers.push_back(Watch("/", after));
  Put("/a", 4, "3");  // 7: history and live events meet without a gap
  for (Revision after = 1; after <= 6; ++after) {
    const size_t skip = static_cast<size_t>(after - 1);
    EventList events = Next(*watchers[skip], all.size() - skip);
    EXPECT_EQ(Story(events), std::vector<std::string>(all.begin() + after - 1, all.end()));
    EXPECT_EQ(watchers[skip]->progress(), 7);
  }
}

TEST_P(WatchContract, ResumedWatchSurvivesALongHistory) {
  Revision revision = 0;
  for (int i = 0; i < 700; ++i) revision = Put("/long", revision, std::to_string(i));
  auto watcher = Watch("/long", 1);
  EventList events = Next(*watcher, 700);
  for (size_t i = 0; i < events.size(); ++i) {
    ASSERT_EQ(*events[i]->kv.value, std::to_string(i));
    ASSERT_EQ(events[i]->revision, static_cast<Revision>(i) + 2);
  }
}

TEST_P(WatchContract, WatchFromACompactedRevisionExpires) {
  for (int i = 0; i < 5; ++i) Create("/" + std::to_string(i), "1");  // 2..6
  auto behind = Watch("/", 2);
  ASSERT_TRUE(Await(store().Compact(5)).ok());
  auto refused = store().Watch("/", 4);
  bool expired = !refused.ok() && refused.error().reason == Reason::kExpired;
  if (refused.ok()) {
    // A store may find out only when it reads.
    auto next = Await((*refused)->Next());
    expired = !next.ok() && next.error().reason == Reason::kExpired;
  }
  EXPECT_TRUE(expired);
  EXPECT_THAT(Story(Next(*Watch("/", 5), 1)), ElementsAre("+/4=1"));
  // One that was there before the compaction is either told everything or told that it cannot be.
  auto next = Await(behind->Next());
  if (next.ok()) {
    EXPECT_EQ((*next)[0]->revision, 3);
  } else {
    EXPECT_EQ(next.error().reason, Reason::kExpired);
  }
}

TEST_P(WatchContract, WatchFromAFutureRevisionWaitsForIt) {
  auto watcher = Watch("/", 4);
  for (const char* key : {"/a", "/b", "/c", "/d", "/e"}) Create(key, "1");  // 2..6
  EXPECT_THAT(Story(Next(*watcher, 2)), ElementsAre("+/d=1", "+/e=1"));
}

TEST_P(WatchContract, HistoryIsReadInPages) {
  Create("/a", "1");  // 2
  Create("/b", "1");  // 3
  Put("/a", 2, "2");  // 4
  Delete("/a", 4);    // 5
  Create("/a", "3");  // 6
  EventList events;
  for (Revision after = 2; after < 5;) {
    auto page = Await(store().History("/a", after, 5));
    ASSERT_TRUE(page.ok());
    ASSERT_GT(page->through, after);
    ASSERT_LE(page->through, 5);
    after = page->through;
    events.insert(events.end(), page->events.begin(), page->events.end());
  }
  EXPECT_THAT(Story(events), ElementsAre("~/a=2(1)", "-/a=2"));
  ASSERT_TRUE(Await(store().Compact(3)).ok());
  auto expired = Await(store().History("/a", 2, 5));
  ASSERT_FALSE(expired.ok());
  EXPECT_EQ(expired.error().reason, Reason::kExpired);
}

TEST_P(WatchContract, SlowWatcherIsClosedWithExpired) {
  auto slow = Watch("/", 0);
  auto elsewhere = Watch("/other/", 0);
  const size_t enough = StoreFixture::kWatchQueueEvents + 1;
  for (size_t i = 0; i < enough; ++i) Create("/" + std::to_string(i), "1");
  for (int i = 0; i < 2; ++i) {
    auto next = Await(slow->Next());
    ASSERT_FALSE(next.ok());
    EXPECT_EQ(next.error().reason, Reason::kExpired);
  }
  // Its neighbour, which had nothing to read, is well.
  Create("/other/a", "1");
  EXPECT_THAT(Story(Next(*elsewhere, 1)), ElementsAre("+/other/a=1"));
}

TEST_P(WatchContract, WatcherThatKeepsReadingIsNeverClosed) {
  auto watcher = Watch("/", 0);
  for (size_t i = 0; i < StoreFixture::kWatchQueueEvents * 3; ++i) {
    const std::string key = "/" + std::to_string(i);
    Create(key, "1");
    ASSERT_THAT(Story(Next(*watcher, 1)), ElementsAre("+" + key + "=1"));
  }
}

TEST_P(WatchContract, ProgressFollowsWritesElsewhere) {
  auto watcher = Watch("/a/", 0);
  EXPECT_EQ(watcher->progress(), 1);
  const Revision elsewhere = Create("/b/1", "1");
  EXPECT_EQ(watcher->progress(), elsewhere);
  const Revision mine = Create("/a/1", "1");
  EXPECT_EQ(watcher->progress(), mine - 1);
  Next(*watcher, 1);
  EXPECT_EQ(watcher->progress(), mine);
}

Task<void> NextOnce(Watcher& watcher, bool* ended) {
  auto events = co_await watcher.Next();
  *ended = true;
}

TEST_P(WatchContract, CancelledNextLosesNothing) {
  auto watcher = Watch("/", 0);
  bool ended = false;
  {
    TaskScope scope(fixture_->world().loop);
    scope.Spawn("next", NextOnce(*watcher, &ended));
    ASSERT_TRUE(Await(store().Get("/a")).ok());  // lets it start
  }
  EXPECT_FALSE(ended);
  Create("/a", "1");
  EXPECT_THAT(Story(Next(*watcher, 1)), ElementsAre("+/a=1"));
}

TEST_P(WatchContract, EndedWatchLeavesTheStoreWorking) {
  auto watcher = Watch("/", 0);
  auto other = Watch("/", 1);
  Create("/a", "1");
  watcher.reset();
  Create("/b", "1");
  EXPECT_THAT(Story(Next(*other, 2)), ElementsAre("+/a=1", "+/b=1"));
}

INSTANTIATE_TEST_SUITE_P(Stores, WatchContract, EveryStore(), NameOfStore);

}  // namespace
}  // namespace wherry::apiserver::storage
