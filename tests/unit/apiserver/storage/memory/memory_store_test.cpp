// Shows how the store in memory fails when the simulator asks it to.

#include "apiserver/storage/memory/memory_store.h"

#include "lib/loop/task_scope.h"

#include <gtest/gtest.h>

namespace wherry::apiserver::storage {
namespace {

Task<void> WriteInto(Store& store, CompareAndSet write, std::vector<Result<WriteResult>>* results) {
  auto result = co_await store.Write(std::move(write));
  results->push_back(std::move(result));
}

class MemoryStoreTest : public testing::Test {
 protected:
  void Submit(Key key, std::string value) {
    CompareAndSet write{.key = std::move(key), .expected = 0, .value = std::move(value)};
    scope.Spawn("write", WriteInto(store, std::move(write), &results));
  }

  SimWorld sim{1};
  MemoryStore store{sim.world()};
  TaskScope scope{sim.world().loop};
  std::vector<Result<WriteResult>> results;
};

TEST_F(MemoryStoreTest, FailedCommitStoresNothingOfItsGroup) {
  sim.SetFault("storage.commit", 1);
  Submit("/a", "1");
  Submit("/b", "1");
  sim.Settle();
  ASSERT_EQ(results.size(), 2u);
  for (const auto& result : results) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().reason, Reason::kInternalError);
  }
  EXPECT_EQ(store.CurrentRevision(), 1);
  sim.SetFault("storage.commit", 0);
  Submit("/a", "1");
  sim.Settle();
  ASSERT_TRUE(results.back().ok());
  EXPECT_EQ(results.back()->revision, 2);
}

TEST_F(MemoryStoreTest, LostReplyLeavesTheWriteBehind) {
  sim.SetFault("storage.commit.reply", 1);
  Submit("/a", "1");
  sim.Settle();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_FALSE(results[0].ok());
  EXPECT_EQ(store.CurrentRevision(), 2);
  sim.SetFault("storage.commit.reply", 0);
  Submit("/a", "2");
  sim.Settle();
  ASSERT_TRUE(results.back().ok());
  EXPECT_FALSE(results.back()->committed);
  EXPECT_EQ(*results.back()->current->value, "1");
}

TEST_F(MemoryStoreTest, WatcherOfAStoreThatIsGoneEnds) {
  auto other = std::make_unique<MemoryStore>(sim.world());
  auto watcher = other->Watch("/", 0);
  ASSERT_TRUE(watcher.ok());
  other.reset();
  bool ended = false;
  auto wait = [](Watcher& it, bool* done) -> Task<void> {
    auto next = co_await it.Next();
    *done = !next.ok() && next.error().reason == Reason::kServiceUnavailable;
  };
  scope.Spawn("wait", wait(**watcher, &ended));
  sim.Settle();
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace wherry::apiserver::storage
