// Writes, lists, revisions and compaction, as every store promises them.

#include "tests/contract/storage/storage_contract.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace wherry::apiserver::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using ObjectsContract = StorageContract;

TEST_P(ObjectsContract, EmptyStoreIsAtRevisionOne) {
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

TEST_P(ObjectsContract, EachCommittedWriteIsOneRevision) {
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

TEST_P(ObjectsContract, RefusedWriteSaysWhatIsThereAndCostsNoRevision) {
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

TEST_P(ObjectsContract, DeletedKeyIsGoneAndMayBeCreatedAgain) {
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

TEST_P(ObjectsContract, ValuesAreBytes) {
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

TEST_P(ObjectsContract, ListSelectsByPrefixInKeyOrder) {
  for (const char* key : {"/p/b", "/p/a", "/p", "/p/", "/pq/a", "/q/a", "/p/a/x", "/p/a-", "/o"})
    Create(key, "v");
  auto list = List({.prefix = "/p/"});
  ASSERT_TRUE(list.ok());
  EXPECT_THAT(Keys(*list), ElementsAre("/p/", "/p/a", "/p/a-", "/p/a/x", "/p/b"));
  EXPECT_EQ(list->revision, store().CurrentRevision());
}

TEST_P(ObjectsContract, PrefixOfHighestBytesIsARange) {
  Create("/z", "1");
  Create("\xff\xff", "2");
  Create("\xff\xff/a", "3");
  auto list = List({.prefix = "\xff\xff"});
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(list->items.size(), 2u);
}

TEST_P(ObjectsContract, PagesOfAListAreOneSnapshot) {
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

TEST_P(ObjectsContract, ListAtARevisionIsTheStateThen) {
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

TEST_P(ObjectsContract, FutureRevisionsAreRefusedToLists) {
  auto list = List({.revision = 5});
  ASSERT_FALSE(list.ok());
  EXPECT_EQ(list.error().reason, Reason::kBadRequest);
}

TEST_P(ObjectsContract, CompactionForgetsHistoryButNotTheNewestValues) {
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

TEST_P(ObjectsContract, CompactionAtADeletionKeepsRevisionsGrowing) {
  Create("/a", "1");
  const Revision deleted = Delete("/a", 2);
  ASSERT_TRUE(Await(store().Compact(deleted)).ok());
  EXPECT_EQ(store().CurrentRevision(), deleted);
  EXPECT_EQ(Create("/a", "2"), deleted + 1);
}

TEST_P(ObjectsContract, CompactionRacingWritesLosesNoEvent) {
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

INSTANTIATE_TEST_SUITE_P(Stores, ObjectsContract, EveryStore(), NameOfStore);

}  // namespace
}  // namespace wherry::apiserver::storage
