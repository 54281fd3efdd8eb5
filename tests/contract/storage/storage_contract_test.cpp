// What every store promises; see apiserver/storage/interface.h. Each test runs on each
// implementation.

#include "tests/contract/storage/store_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace wherry::apiserver::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using EventList = std::vector<std::shared_ptr<const Event>>;

class StorageContract : public testing::TestWithParam<StoreFactory> {
 protected:
  Store& store() { return fixture_->store(); }
  template <typename T>
  T Await(Task<T> task) {
    return fixture_->Await(std::move(task));
  }

  WriteResult Write(Key key, Revision expected, std::optional<std::string> value) {
    CompareAndSet write{.key = std::move(key), .expected = expected, .value = std::move(value)};
    auto result = Await(store().Write(std::move(write)));
    CHECK_OK(result);
    return std::move(result).value();
  }
  Revision Put(Key key, Revision expected, std::string value) {
    WriteResult result = Write(std::move(key), expected, std::move(value));
    EXPECT_TRUE(result.committed);
    return result.revision;
  }
  Revision Create(Key key, std::string value) { return Put(std::move(key), 0, std::move(value)); }
  Revision Delete(Key key, Revision expected) {
    WriteResult result = Write(std::move(key), expected, std::nullopt);
    EXPECT_TRUE(result.committed);
    return result.revision;
  }
  Result<ListResult> List(ListOptions options) { return Await(store().List(std::move(options))); }
  std::unique_ptr<Watcher> Watch(std::string prefix, Revision after) {
    auto watcher = store().Watch(std::move(prefix), after);
    CHECK_OK(watcher);
    return std::move(watcher).value();
  }
  // The next `count` events, in as many calls as they come in.
  EventList Next(Watcher& watcher, size_t count) {
    EventList events;
    while (events.size() < count) {
      auto batch = Await(watcher.Next());
      CHECK_OK(batch);
      EXPECT_FALSE(batch->empty());
      events.insert(events.end(), batch->begin(), batch->end());
    }
    EXPECT_EQ(events.size(), count);
    return events;
  }

  std::unique_ptr<StoreFixture> fixture_ = GetParam().make();
};

std::vector<std::string> Keys(const ListResult& list) {
  std::vector<std::string> keys;
  for (const KeyValue& kv : list.items) keys.push_back(kv.key);
  return keys;
}
std::vector<std::string> KeyValues(const ListResult& list) {
  std::vector<std::string> pairs;
  for (const KeyValue& kv : list.items) pairs.push_back(kv.key + "=" + *kv.value);
  return pairs;
}
// "+a=1" created, "~a=2(1)" changed from 1, "-a=2" deleted.
std::vector<std::string> Story(const EventList& events) {
  std::vector<std::string> lines;
  for (const auto& event : events) {
    const std::string pair = event->kv.key + "=" + *event->kv.value;
    if (event->type == Event::Type::kDelete) {
      lines.push_back("-" + pair);
    } else if (event->previous_value) {
      lines.push_back("~" + pair + "(" + *event->previous_value + ")");
    } else {
      lines.push_back("+" + pair);
    }
  }
  return lines;
}

TEST_P(StorageContract, EmptyStoreIsAtRevisionOne) {
  EXPECT_EQ(store().CurrentRevision(), 1);
  auto list = List({});
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(list->revision, 1);
  EXPECT_THAT(list->items, IsEmpty());
  EXPECT_FALSE(list->more);
  auto missing = Await(store().Get("/a"));
  ASSERT_TRUE(missing.ok());
  EXPECT_FALSE(missing->has_value());
}

TEST_P(StorageContract, EachCommittedWriteIsOneRevision) {
  EXPECT_EQ(Create("/a", "1"), 2);
  EXPECT_EQ(Create("/b", "1"), 3);
  EXPECT_EQ(Put("/a", 2, "2"), 4);
  EXPECT_EQ(store().CurrentRevision(), 4);
  auto a = Await(store().Get("/a"));
  ASSERT_TRUE(a.ok() && a->has_value());
  EXPECT_EQ(*(*a)->value, "2");
  EXPECT_EQ((*a)->create_revision, 2);
  EXPECT_EQ((*a)->mod_revision, 4);
}

TEST_P(StorageContract, RefusedWriteSaysWhatIsThereAndCostsNoRevision) {
  Create("/a", "1");
  WriteResult exists = Write("/a", 0, "other");
  EXPECT_FALSE(exists.committed);
  ASSERT_TRUE(exists.current.has_value());
  EXPECT_EQ(*exists.current->value, "1");
  EXPECT_EQ(exists.current->mod_revision, 2);
  WriteResult stale = Write("/a", 1, "other");
  EXPECT_FALSE(stale.committed);
  WriteResult missing = Write("/b", 2, "other");
  EXPECT_FALSE(missing.committed);
  EXPECT_FALSE(missing.current.has_value());
  WriteResult nothing_to_delete = Write("/b", 0, std::nullopt);
  EXPECT_FALSE(nothing_to_delete.committed);
  EXPECT_EQ(store().CurrentRevision(), 2);
  EXPECT_EQ(Create("/c", "1"), 3);
}

TEST_P(StorageContract, DeletedKeyIsGoneAndMayBeCreatedAgain) {
  const Revision created = Create("/a", "1");
  EXPECT_FALSE(Write("/a", created + 7, std::nullopt).committed);
  Delete("/a", created);
  auto gone = Await(store().Get("/a"));
  ASSERT_TRUE(gone.ok());
  EXPECT_FALSE(gone->has_value());
  const Revision again = Create("/a", "2");
  auto back = Await(store().Get("/a"));
  ASSERT_TRUE(back.ok() && back->has_value());
  EXPECT_EQ((*back)->create_revision, again);
}

TEST_P(StorageContract, ValuesAreBytes) {
  const std::string bytes("nul \0 quote \" utf8 \xc3\xa9 bad \xff end", 31);
  Create("/a", bytes);
  Create("/b", "");
  Create("/c", std::string(2'000'000, 'x'));
  auto list = List({});
  ASSERT_TRUE(list.ok());
  ASSERT_EQ(list->items.size(), 3u);
  EXPECT_EQ(*list->items[0].value, bytes);
  EXPECT_EQ(*list->items[1].value, "");
  EXPECT_EQ(list->items[2].value->size(), 2'000'000u);
}

TEST_P(StorageContract, ListSelectsByPrefixInKeyOrder) {
  for (const char* key : {"/p/b", "/p/a", "/p", "/p/", "/pq/a", "/q/a", "/p/a/x", "/p/a-", "/o"})
    Create(key, "v");
  auto list = List({.prefix = "/p/"});
  ASSERT_TRUE(list.ok());
  EXPECT_THAT(Keys(*list), ElementsAre("/p/", "/p/a", "/p/a-", "/p/a/x", "/p/b"));
  EXPECT_EQ(list->revision, store().CurrentRevision());
}

TEST_P(StorageContract, PrefixOfHighestBytesIsARange) {
  Create("/z", "1");
  Create("\xff\xff", "2");
  Create("\xff\xff/a", "3");
  auto list = List({.prefix = "\xff\xff"});
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(list->items.size(), 2u);
}

TEST_P(StorageContract, PagesOfAListAreOneSnapshot) {
  for (const char* key : {"/p/a", "/p/b", "/p/c", "/p/d", "/p/e"}) Create(key, "1");
  auto first = List({.prefix = "/p/", .limit = 2});
  ASSERT_TRUE(first.ok());
  EXPECT_THAT(Keys(*first), ElementsAre("/p/a", "/p/b"));
  EXPECT_TRUE(first->more);
  EXPECT_EQ(first->remaining, 3);

  // None of this may show in the pages that follow.
  Put("/p/c", 4, "2");
  Delete("/p/d", 5);
  Create("/p/bb", "1");
  auto second =
      List({.prefix = "/p/", .start_after = "/p/b", .limit = 2, .revision = first->revision});
  ASSERT_TRUE(second.ok());
  EXPECT_THAT(KeyValues(*second), ElementsAre("/p/c=1", "/p/d=1"));
  EXPECT_TRUE(second->more);
  EXPECT_EQ(second->remaining, 1);
  EXPECT_EQ(second->revision, first->revision);
  auto third =
      List({.prefix = "/p/", .start_after = "/p/d", .limit = 2, .revision = first->revision});
  ASSERT_TRUE(third.ok());
  EXPECT_THAT(KeyValues(*third), ElementsAre("/p/e=1"));
  EXPECT_FALSE(third->more);
  EXPECT_EQ(third->remaining, 0);
}

TEST_P(StorageContract, ListAtARevisionIsTheStateThen) {
  // Every state of a random walk is remembered, and later read back by its revision.
  std::map<Revision, std::map<Key, std::string>> states;
  std::map<Key, std::string> now;
  std::map<Key, Revision> revisions;
  states[1] = now;
  uint32_t seed = 12345;
  for (int i = 0; i < 200; ++i) {
    seed = seed * 1664525 + 1013904223;
    const Key key = "/k/" + std::to_string((seed >> 16) % 12);
    const bool remove = (seed >> 8) % 3 == 0 && now.contains(key);
    if (remove) {
      states[Delete(key, revisions[key])] = (now.erase(key), now);
      revisions.erase(key);
    } else {
      const Revision revision = Put(key, revisions[key], std::to_string(i));
      revisions[key] = revision;
      now[key] = std::to_string(i);
      states[revision] = now;
    }
  }
  for (const auto& [revision, state] : states) {
    auto list = List({.prefix = "/k/", .revision = revision});
    ASSERT_TRUE(list.ok()) << revision;
    std::map<Key, std::string> seen;
    for (const KeyValue& kv : list->items) {
      seen[kv.key] = *kv.value;
      EXPECT_LE(kv.mod_revision, revision);
      EXPECT_LE(kv.create_revision, kv.mod_revision);
    }
    ASSERT_EQ(seen, state) << "at revision " << revision;
  }
}

TEST_P(StorageContract, FutureRevisionsAreRefusedToLists) {
  auto list = List({.revision = 5});
  ASSERT_FALSE(list.ok());
  EXPECT_EQ(list.error().reason, Reason::kBadRequest);
}

TEST_P(StorageContract, CompactionForgetsHistoryButNotTheNewestValues) {
  Create("/a", "1");     // 2
  Put("/a", 2, "2");     // 3
  Create("/b", "1");     // 4
  Create("/gone", "1");  // 5
  Delete("/gone", 5);    // 6
  Put("/b", 4, "2");     // 7
  ASSERT_TRUE(Await(store().Compact(6)).ok());
  EXPECT_EQ(store().CompactedRevision(), 6);

  auto too_old = List({.revision = 5});
  ASSERT_FALSE(too_old.ok());
  EXPECT_EQ(too_old.error().reason, Reason::kExpired);
  auto at_compaction = List({.revision = 6});
  ASSERT_TRUE(at_compaction.ok());
  EXPECT_THAT(KeyValues(*at_compaction), ElementsAre("/a=2", "/b=1"));
  auto newest = List({});
  ASSERT_TRUE(newest.ok());
  EXPECT_THAT(KeyValues(*newest), ElementsAre("/a=2", "/b=2"));
  // Again, and backwards, changes nothing.
  ASSERT_TRUE(Await(store().Compact(6)).ok());
  ASSERT_TRUE(Await(store().Compact(3)).ok());
  EXPECT_EQ(store().CompactedRevision(), 6);
  auto future = Await(store().Compact(100));
  ASSERT_FALSE(future.ok());
  EXPECT_EQ(future.error().reason, Reason::kBadRequest);
}

TEST_P(StorageContract, CompactionAtADeletionKeepsRevisionsGrowing) {
  Create("/a", "1");
  const Revision deleted = Delete("/a", 2);
  ASSERT_TRUE(Await(store().Compact(deleted)).ok());
  EXPECT_EQ(store().CurrentRevision(), deleted);
  EXPECT_EQ(Create("/a", "2"), deleted + 1);
}

TEST_P(StorageContract, CompactionRacingWritesLosesNoEvent) {
  auto watcher = Watch("/r/", 0);
  TaskScope scope(fixture_->world().loop);
  std::vector<std::string> expected;
  Revision last = 0;
  for (int i = 0; i < 20; ++i) {
    const Key key = "/r/" + std::to_string(i);
    const Revision created = Create(key, "v");
    last = Delete(key, created);
    ASSERT_TRUE(Await(store().Compact(last)).ok());
    expected.push_back("+" + key + "=v");
    expected.push_back("-" + key + "=v");
  }
  EXPECT_EQ(Story(Next(*watcher, expected.size())), expected);
  EXPECT_EQ(watcher->progress(), last);
}

TEST_P(StorageContract, WatchFromNowSeesOnlyWhatComes) {
  Create("/a", "1");
  auto watcher = Watch("/", 0);
  Create("/b", "1");
  Put("/a", 2, "2");
  Delete("/b", 3);
  EXPECT_THAT(Story(Next(*watcher, 3)), ElementsAre("+/b=1", "~/a=2(1)", "-/b=1"));
}

TEST_P(StorageContract, EventsCarryTheirRevisions) {
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

TEST_P(StorageContract, WatchSelectsByPrefix) {
  auto pods = Watch("/pods/", 0);
  auto one = Watch("/pods/a", 0);
  Create("/pods/a", "1");
  Create("/podsx/a", "1");
  Create("/pods/b", "1");
  Create("/pods/ab", "1");
  EXPECT_THAT(Story(Next(*pods, 3)), ElementsAre("+/pods/a=1", "+/pods/b=1", "+/pods/ab=1"));
  EXPECT_THAT(Story(Next(*one, 2)), ElementsAre("+/pods/a=1", "+/pods/ab=1"));
}

TEST_P(StorageContract, WatchResumesFromAnyRevisionThatIsKept) {
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

TEST_P(StorageContract, ResumedWatchSurvivesALongHistory) {
  Revision revision = 0;
  for (int i = 0; i < 700; ++i) revision = Put("/long", revision, std::to_string(i));
  auto watcher = Watch("/long", 1);
  EventList events = Next(*watcher, 700);
  for (size_t i = 0; i < events.size(); ++i) {
    ASSERT_EQ(*events[i]->kv.value, std::to_string(i));
    ASSERT_EQ(events[i]->revision, static_cast<Revision>(i) + 2);
  }
}

TEST_P(StorageContract, WatchFromACompactedRevisionExpires) {
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

TEST_P(StorageContract, WatchFromAFutureRevisionWaitsForIt) {
  auto watcher = Watch("/", 4);
  for (const char* key : {"/a", "/b", "/c", "/d", "/e"}) Create(key, "1");  // 2..6
  EXPECT_THAT(Story(Next(*watcher, 2)), ElementsAre("+/d=1", "+/e=1"));
}

TEST_P(StorageContract, HistoryIsReadInPages) {
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

TEST_P(StorageContract, SlowWatcherIsClosedWithExpired) {
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

TEST_P(StorageContract, WatcherThatKeepsReadingIsNeverClosed) {
  auto watcher = Watch("/", 0);
  for (size_t i = 0; i < StoreFixture::kWatchQueueEvents * 3; ++i) {
    const std::string key = "/" + std::to_string(i);
    Create(key, "1");
    ASSERT_THAT(Story(Next(*watcher, 1)), ElementsAre("+" + key + "=1"));
  }
}

TEST_P(StorageContract, ProgressFollowsWritesElsewhere) {
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

TEST_P(StorageContract, CancelledNextLosesNothing) {
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

TEST_P(StorageContract, BatchJudgesEachWriteOnItsOwn) {
  Create("/a", "1");  // 2
  std::vector<CompareAndSet> writes;
  writes.push_back({.key = "/b", .expected = 0, .value = "1"});  // 3
  writes.push_back({.key = "/a", .expected = 0, .value = "refused"});
  writes.push_back({.key = "/b", .expected = 3, .value = "2"});           // 4: sees the one before
  writes.push_back({.key = "/a", .expected = 2, .value = std::nullopt});  // 5
  auto watcher = Watch("/", 0);
  auto results = Await(store().WriteBatch(std::move(writes)));
  ASSERT_TRUE(results.ok());
  ASSERT_EQ(results->size(), 4u);
  EXPECT_TRUE((*results)[0].committed);
  EXPECT_FALSE((*results)[1].committed);
  EXPECT_EQ((*results)[1].current->mod_revision, 2);
  EXPECT_EQ((*results)[2].revision, 4);
  EXPECT_EQ((*results)[3].revision, 5);
  EXPECT_THAT(Story(Next(*watcher, 3)), ElementsAre("+/b=1", "~/b=2(1)", "-/a=1"));
  std::vector<CompareAndSet> none;
  auto empty = Await(store().WriteBatch(std::move(none)));
  ASSERT_TRUE(empty.ok());
  EXPECT_THAT(*empty, IsEmpty());
}

Task<void> WriteInto(Store& store, CompareAndSet write, std::vector<Result<WriteResult>>* results) {
  auto result = co_await store.Write(std::move(write));
  results->push_back(std::move(result));
}

TEST_P(StorageContract, OfManyRacingWritersOneWins) {
  Create("/a", "0");
  std::vector<Result<WriteResult>> results;
  TaskScope scope(fixture_->world().loop);
  for (int i = 0; i < 50; ++i) {
    CompareAndSet write{.key = "/a", .expected = 2, .value = std::to_string(i)};
    scope.Spawn("racer", WriteInto(store(), std::move(write), &results));
  }
  ASSERT_TRUE(fixture_->RunUntil([&] { return results.size() == 50; }));
  int won = 0;
  for (auto& result : results) {
    ASSERT_TRUE(result.ok());
    won += result->committed;
    if (!result->committed) EXPECT_EQ(result->current->mod_revision, 3);
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(store().CurrentRevision(), 3);
}

TEST_P(StorageContract, ConcurrentWritesCommitInTheOrderOfSubmission) {
  auto watcher = Watch("/", 0);
  std::vector<Result<WriteResult>> results;
  TaskScope scope(fixture_->world().loop);
  std::vector<std::string> expected;
  for (int i = 0; i < 50; ++i) {
    const std::string key = "/" + std::to_string(i);
    CompareAndSet write{.key = key, .expected = 0, .value = "v"};
    scope.Spawn("writer", WriteInto(store(), std::move(write), &results));
    expected.push_back("+" + key + "=v");
  }
  ASSERT_TRUE(fixture_->RunUntil([&] { return results.size() == 50; }));
  Revision last = 1;
  for (auto& result : results) {
    ASSERT_TRUE(result.ok() && result->committed);
    EXPECT_EQ(result->revision, ++last);
  }
  EXPECT_EQ(Story(Next(*watcher, 50)), expected);
}

Task<void> CountUp(Store& store, int times, int* done) {
  // Optimistic concurrency as every controller does it.
  for (int i = 0; i < times;) {
    auto got = co_await store.Get("/counter");
    CHECK_OK(got);
    CompareAndSet write{.key = "/counter", .expected = (*got)->mod_revision};
    write.value = std::to_string(std::stoi(*(*got)->value) + 1);
    auto result = co_await store.Write(std::move(write));
    CHECK_OK(result);
    i += result->committed;
  }
  ++*done;
}

TEST_P(StorageContract, NoIncrementIsLostUnderContention) {
  Create("/counter", "0");
  int done = 0;
  TaskScope scope(fixture_->world().loop);
  for (int i = 0; i < 8; ++i) scope.Spawn("counter", CountUp(store(), 10, &done));
  ASSERT_TRUE(fixture_->RunUntil([&] { return done == 8; }));
  auto counter = Await(store().Get("/counter"));
  ASSERT_TRUE(counter.ok());
  EXPECT_EQ(*(*counter)->value, "80");
  EXPECT_EQ((*counter)->mod_revision, 82);
}

Task<void> WriteThenRead(Store& store, std::string key, int* seen) {
  CompareAndSet write{.key = key, .expected = 0, .value = key};
  auto written = co_await store.Write(std::move(write));
  CHECK_OK(written);
  auto got = co_await store.Get(key);
  CHECK_OK(got);
  ListOptions options{.prefix = key};
  auto list = co_await store.List(std::move(options));
  CHECK_OK(list);
  if (got->has_value() && list->items.size() == 1 && list->revision >= written->revision) ++*seen;
}

TEST_P(StorageContract, CompletedWriteIsSeenByTheNextRead) {
  int seen = 0;
  TaskScope scope(fixture_->world().loop);
  for (int i = 100; i < 130; ++i)
    scope.Spawn("writer", WriteThenRead(store(), "/" + std::to_string(i), &seen));
  ASSERT_TRUE(fixture_->RunUntil([&] { return scope.size() == 0; }));
  EXPECT_EQ(seen, 30);
}

TEST_P(StorageContract, EndedWatchLeavesTheStoreWorking) {
  auto watcher = Watch("/", 0);
  auto other = Watch("/", 1);
  Create("/a", "1");
  watcher.reset();
  Create("/b", "1");
  EXPECT_THAT(Story(Next(*other, 2)), ElementsAre("+/a=1", "+/b=1"));
}

INSTANTIATE_TEST_SUITE_P(
    Stores, StorageContract,
    testing::Values(StoreFactory{"Memory", MakeMemoryFixture},
                    StoreFactory{"Sqlite", MakeSqliteFixture},
                    StoreFactory{"CacherOverMemory", MakeCacherOverMemoryFixture},
                    StoreFactory{"CacherOverSqlite", MakeCacherOverSqliteFixture}),
    [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace wherry::apiserver::storage
