// Batches and racing writers, as every store promises them.

#include "tests/contract/storage/storage_contract.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace wherry::apiserver::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using ConcurrencyContract = StorageContract;

TEST_P(ConcurrencyContract, BatchJudgesEachWriteOnItsOwn) {
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

TEST_P(ConcurrencyContract, OfManyRacingWritersOneWins) {
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

TEST_P(ConcurrencyContract, ConcurrentWritesCommitInTheOrderOfSubmission) {
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

TEST_P(ConcurrencyContract, NoIncrementIsLostUnderContention) {
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

TEST_P(ConcurrencyContract, CompletedWriteIsSeenByTheNextRead) {
  int seen = 0;
  TaskScope scope(fixture_->world().loop);
  for (int i = 100; i < 130; ++i)
    scope.Spawn("writer", WriteThenRead(store(), "/" + std::to_string(i), &seen));
  ASSERT_TRUE(fixture_->RunUntil([&] { return scope.size() == 0; }));
  EXPECT_EQ(seen, 30);
}

INSTANTIATE_TEST_SUITE_P(Stores, ConcurrencyContract, EveryStore(), NameOfStore);

}  // namespace
}  // namespace wherry::apiserver::storage
