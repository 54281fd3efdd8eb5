// Shows what is particular to the store on disk: restarts, refusals, compaction, a full disk, the
// view.

#include "apiserver/storage/sqlite/sqlite_store.h"

#include "apiserver/storage/sqlite/database.h"
#include "lib/loop/task_scope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>

namespace wherry::apiserver::storage {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class SqliteStoreTest : public testing::Test {
 protected:
  SqliteStoreTest() {
    CHECK(::mkdtemp(dir_.data()) != nullptr);
    options.path = dir_ + "/state.db";
  }
  ~SqliteStoreTest() override {
    store.reset();
    std::filesystem::remove_all(dir_);
  }

  Status Open() {
    store.reset();
    auto opened = SqliteStore::Open(real.world(), options);
    if (!opened.ok()) return std::move(opened).error();
    store = std::move(*opened);
    return Ok();
  }
  bool RunUntil(const std::function<bool()>& done) {
    Loop& loop = real.world().loop;
    const MonotonicTime deadline = loop.MonotonicNow() + 20s;
    std::function<void()> turn = [&] {
      if (done() || loop.MonotonicNow() >= deadline) return loop.Stop();
      loop.RunAt(loop.MonotonicNow() + 100us, turn);
    };
    loop.Post(turn);
    loop.Run();
    return done();
  }
  template <typename T>
  T Await(Task<T> task) {
    std::optional<T> result;
    TaskScope scope(real.world().loop);
    scope.Spawn("await", Deliver(std::move(task), &result));
    CHECK(RunUntil([&] { return result.has_value(); }));
    return std::move(*result);
  }
  template <typename T>
  static Task<void> Deliver(Task<T> task, std::optional<T>* result) {
    auto value = co_await std::move(task);
    result->emplace(std::move(value));
  }
  Result<WriteResult> Write(Key key, Revision expected, std::optional<std::string> value) {
    CompareAndSet write{.key = std::move(key), .expected = expected, .value = std::move(value)};
    return Await(store->Write(std::move(write)));
  }
  int64_t Query(const std::string& sql) {
    auto database = Database::Open(options.path);
    CHECK_OK(database);
    auto value = (*database)->QueryInt(sql);
    CHECK_OK(value);
    return *value;
  }
  void Execute(const char* sql) {
    auto database = Database::Open(options.path);
    CHECK_OK(database);
    CHECK_OK((*database)->Execute(sql));
  }

  std::string dir_ = std::filesystem::temp_directory_path() / "wherry-sqlite-XXXXXX";
  RealWorld real{1};
  SqliteStore::Options options;
  std::unique_ptr<SqliteStore> store;
};

TEST_F(SqliteStoreTest, EverythingIsThereAfterARestart) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Write("/a", 0, "1")->committed);
  ASSERT_TRUE(Write("/a", 2, "2")->committed);
  ASSERT_TRUE(Write("/b", 0, "1")->committed);
  ASSERT_TRUE(Write("/b", 4, std::nullopt)->committed);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(store->CurrentRevision(), 5);
  auto a = Await(store->Get("/a"));
  ASSERT_TRUE(a.ok() && a->has_value());
  EXPECT_EQ(*(*a)->value, "2");
  EXPECT_EQ((*a)->create_revision, 2);
  auto watcher = store->Watch("/", 2);
  ASSERT_TRUE(watcher.ok());
  auto events = Await((*watcher)->Next());
  ASSERT_TRUE(events.ok());
  ASSERT_EQ(events->size(), 3u);
  EXPECT_EQ(*(*events)[0]->previous_value, "1");
}

TEST_F(SqliteStoreTest, RevisionsDoNotGoBackWhenTheNewestWriteIsSweptAway) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Write("/a", 0, "1")->committed);
  ASSERT_TRUE(Write("/a", 2, std::nullopt)->committed);
  ASSERT_TRUE(Await(store->Compact(3)).ok());
  ASSERT_TRUE(RunUntil([&] { return Query("SELECT count(*) FROM history") == 0; }));
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(store->CurrentRevision(), 3);
  EXPECT_EQ(store->CompactedRevision(), 3);
  EXPECT_EQ(Write("/a", 0, "2")->revision, 4);
}

TEST_F(SqliteStoreTest, CompactionRemovesExactlyWhatNobodyCanAskFor) {
  options.sweep_rows = 7;
  ASSERT_TRUE(Open().ok());
  Revision kept = 0;
  for (int i = 0; i < 50; ++i) kept = Write("/a", kept, std::to_string(i))->revision;
  ASSERT_TRUE(Write("/b", 0, "1")->committed);            // 52
  ASSERT_TRUE(Write("/b", 52, std::nullopt)->committed);  // 53
  ASSERT_TRUE(Write("/c", 0, "1")->committed);            // 54
  ASSERT_TRUE(Write("/a", kept, "after")->committed);     // 55
  ASSERT_TRUE(Await(store->Compact(54)).ok());
  // Left: the newest values at 54 (/a of 51, /c), and the write after it.
  EXPECT_TRUE(RunUntil([&] { return Query("SELECT count(*) FROM history") == 3; }));
  auto page = Await(store->History("/", 54, 55));
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->events.size(), 1u);
  EXPECT_EQ(*page->events[0]->previous_value, "49");
  ListOptions then{.prefix = "/", .revision = 54};
  auto list = Await(store->List(then));
  ASSERT_TRUE(list.ok());
  ASSERT_EQ(list->items.size(), 2u);
  EXPECT_EQ(*list->items[0].value, "49");
}

TEST_F(SqliteStoreTest, CompactionGoesOnAfterARestart) {
  options.sweep_rows = 1;
  ASSERT_TRUE(Open().ok());
  Revision revision = 0;
  for (int i = 0; i < 20; ++i) revision = Write("/a", revision, std::to_string(i))->revision;
  ASSERT_TRUE(Await(store->Compact(revision)).ok());
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(store->CompactedRevision(), revision);
  EXPECT_TRUE(RunUntil([&] { return Query("SELECT count(*) FROM history") == 1; }));
}

TEST_F(SqliteStoreTest, HistoryIsCompactedByItsAge) {
  options.history_retention = 1s;
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Write("/a", 0, "1")->committed);
  ASSERT_TRUE(Write("/a", 2, "2")->committed);
  EXPECT_TRUE(RunUntil([&] { return store->CompactedRevision() == 3; }));
}

TEST_F(SqliteStoreTest, SecondStoreOnTheSameFileIsRefused) {
  ASSERT_TRUE(Open().ok());
  auto second = SqliteStore::Open(real.world(), options);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().reason, Reason::kConflict);
  EXPECT_THAT(second.error().message, HasSubstr(std::to_string(::getpid())));
  ASSERT_TRUE(Write("/a", 0, "1")->committed);
}

TEST_F(SqliteStoreTest, NewerSchemaIsRefusedAndLeftAlone) {
  ASSERT_TRUE(Open().ok());
  store.reset();
  Execute("PRAGMA user_version = 99");
  const Status refused = Open();
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("schema version 99"));
  EXPECT_THAT(refused.error().message, HasSubstr(options.path));
  EXPECT_EQ(Query("PRAGMA user_version"), 99);
}

TEST_F(SqliteStoreTest, FilesOfOthersAreRefused) {
  Execute("CREATE TABLE t (a)");
  const Status refused = Open();
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("another program"));
  std::ofstream(options.path, std::ios::trunc) << std::string(10'000, 'x');
  const Status garbage = Open();
  ASSERT_FALSE(garbage.ok());
  EXPECT_THAT(garbage.error().message, HasSubstr("not a database"));
}

TEST_F(SqliteStoreTest, OnlyTheOwnerMayReadTheFile) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Write("/a", 0, "1")->committed);
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
    struct stat status = {};
    ASSERT_EQ(::stat((options.path + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0777, 0600u) << suffix;
  }
}

TEST_F(SqliteStoreTest, ViewShowsTheClusterToAHuman) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Write("/registry/core/pods/default/web", 0,
                    R"({"kind":"Pod","metadata":{"name":"web","namespace":"default"}})")
                  ->committed);
  ASSERT_TRUE(Write("/not-json", 0, "plain")->committed);
  EXPECT_EQ(Query("SELECT count(*) FROM objects WHERE kind = 'Pod' AND namespace = 'default' AND "
                  "name = 'web' AND resource_version = 2 AND written_at > '2020'"),
            1);
  EXPECT_EQ(Query("SELECT count(*) FROM objects WHERE kind IS NULL"), 1);
}

// Lets files grow to `bytes`: what a full disk looks like without needing one.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    CHECK(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    handler_ = ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    CHECK(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  ~FileSizeLimit() {
    CHECK(::setrlimit(RLIMIT_FSIZE, &before_) == 0);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

TEST_F(SqliteStoreTest, FullDiskRefusesWritesUntilRestartAndKeepsReading) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Write("/a", 0, "1")->committed);
  auto watcher = store->Watch("/", 1);
  EXPECT_TRUE(store->Health().ok());
  {
    FileSizeLimit full(1 << 20);
    auto failed = Write("/big", 0, std::string(3 << 20, 'x'));
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().reason, Reason::kInternalError);
    EXPECT_THAT(failed.error().message, HasSubstr("until the server is restarted"));
  }
  // The disk is well again, but what is on it is not known.
  EXPECT_FALSE(store->Health().ok());
  EXPECT_FALSE(Write("/b", 0, "1").ok());
  EXPECT_FALSE(Await(store->Compact(2)).ok());
  EXPECT_EQ(store->CurrentRevision(), 2);
  auto a = Await(store->Get("/a"));
  ASSERT_TRUE(a.ok() && a->has_value());
  auto events = Await((*watcher)->Next());
  ASSERT_TRUE(events.ok());
  EXPECT_EQ(events->size(), 1u);

  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(store->CurrentRevision(), 2);
  EXPECT_EQ(Write("/b", 0, "1")->revision, 3);
  EXPECT_EQ(Query("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
}

TEST_F(SqliteStoreTest, LockHeldByAnotherProgramIsNotADiskFailure) {
  ASSERT_TRUE(Open().ok());
  auto other = Database::Open(options.path);
  ASSERT_TRUE(other.ok());
  ASSERT_TRUE((*other)->Execute("BEGIN IMMEDIATE").ok());
  // SQLite waits for some seconds before it gives up.
  auto locked = Write("/a", 0, "1");
  ASSERT_FALSE(locked.ok());
  EXPECT_THAT(locked.error().message, HasSubstr("locked"));
  ASSERT_TRUE((*other)->Execute("ROLLBACK").ok());
  EXPECT_TRUE(Write("/a", 0, "1")->committed);
}

// A commit that waits for the disk, here for a lock, delays nobody who reads the past.
TEST_F(SqliteStoreTest, ThePastIsReadBesideTheWriter) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Write("/a", 0, "1")->committed);
  ASSERT_TRUE(Write("/a", 2, "2")->committed);
  auto other = Database::Open(options.path);
  ASSERT_TRUE(other.ok());
  ASSERT_TRUE((*other)->Execute("BEGIN IMMEDIATE").ok());
  std::optional<Result<WriteResult>> written;
  TaskScope scope(real.world().loop);
  CompareAndSet write{.key = "/b", .expected = 0, .value = "1"};
  scope.Spawn("write", Deliver(store->Write(std::move(write)), &written));
  int turns = 0;
  ASSERT_TRUE(RunUntil([&] { return ++turns > 20; })) << "the writer has it";
  ListOptions then{.prefix = "/", .revision = 2};
  auto past = Await(store->List(std::move(then)));
  auto history = Await(store->History("/", 1, 3));
  EXPECT_FALSE(written.has_value());
  ASSERT_TRUE((*other)->Execute("ROLLBACK").ok());
  ASSERT_TRUE(past.ok() && history.ok());
  ASSERT_EQ(past->items.size(), 1u);
  EXPECT_EQ(*past->items[0].value, "1");
  EXPECT_EQ(history->events.size(), 2u);
  EXPECT_TRUE(RunUntil([&] { return written.has_value(); }));
}

// Pages of the past, whatever was created, changed and deleted since.
TEST_F(SqliteStoreTest, ThePastInPages) {
  ASSERT_TRUE(Open().ok());
  std::map<std::string, Revision> at;
  for (const char* key : {"/a", "/b", "/c", "/d", "/e"}) at[key] = Write(key, 0, key)->revision;
  const Revision then = store->CurrentRevision();
  ASSERT_TRUE(Write("/b", at["/b"], std::nullopt)->committed);
  ASSERT_TRUE(Write("/d", at["/d"], "new")->committed);
  const Revision e = Write("/e", at["/e"], std::nullopt)->revision;
  ASSERT_TRUE(Write("/e", 0, "again")->committed);
  for (const char* key : {"/aa", "/f", "/g"}) ASSERT_TRUE(Write(key, 0, "later")->committed);
  EXPECT_GT(e, then);
  for (int64_t limit = 1; limit <= 6; ++limit) {
    std::string keys;
    ListOptions page{.prefix = "/", .limit = limit, .revision = then};
    int64_t seen = 0;
    while (true) {
      ListOptions ask = page;
      auto list = Await(store->List(std::move(ask)));
      ASSERT_TRUE(list.ok());
      for (const KeyValue& kv : list->items) {
        keys += kv.key;
        EXPECT_EQ(*kv.value, kv.key) << "as it was then";
      }
      seen += static_cast<int64_t>(list->items.size());
      EXPECT_EQ(list->remaining, 5 - seen) << "limit " << limit;
      EXPECT_EQ(list->more, seen < 5);
      if (!list->more) break;
      page.start_after = list->items.back().key;
    }
    EXPECT_EQ(keys, "/a/b/c/d/e") << "limit " << limit;
  }
}

// SQLite says in further bits why it is busy.
TEST_F(SqliteStoreTest, BusyForAnyReason) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Write("/a", 0, "1")->committed);
  store.reset();
  auto one = Database::Open(options.path);
  auto two = Database::Open(options.path);
  ASSERT_TRUE(one.ok() && two.ok());
  ASSERT_TRUE((*one)->Execute("BEGIN; SELECT count(*) FROM history").ok());
  ASSERT_TRUE((*two)->Execute("UPDATE meta SET value = value + 1 WHERE name = 'swept'").ok());
  EXPECT_FALSE((*one)->Execute("UPDATE meta SET value = value + 1 WHERE name = 'swept'").ok());
  EXPECT_TRUE((*one)->IsBusy()) << "SQLITE_BUSY_SNAPSHOT";
}

Task<void> WriteInto(Store& store, CompareAndSet write, std::vector<Result<WriteResult>>* results) {
  auto result = co_await store.Write(std::move(write));
  results->push_back(std::move(result));
}

TEST_F(SqliteStoreTest, TooManyWaitingWritesAreTurnedAway) {
  options.pending_writes_max = 10;
  ASSERT_TRUE(Open().ok());
  std::vector<Result<WriteResult>> results;
  TaskScope scope(real.world().loop);
  for (int i = 0; i < 30; ++i) {
    CompareAndSet write{.key = "/" + std::to_string(i), .expected = 0, .value = "v"};
    scope.Spawn("write", WriteInto(*store, std::move(write), &results));
  }
  ASSERT_TRUE(RunUntil([&] { return results.size() == 30; }));
  size_t refused = 0;
  for (const auto& result : results) {
    if (result.ok()) continue;
    ++refused;
    EXPECT_EQ(result.error().reason, Reason::kTooManyRequests);
    EXPECT_EQ(result.error().details.retry_after_seconds, 1);
  }
  EXPECT_EQ(refused, 20u);
  EXPECT_EQ(store->CurrentRevision(), 11);
}

Task<void> ReadFrom(Store& store, std::vector<Reason>* refused, size_t* answered) {
  auto result = co_await store.List({.prefix = "/"});
  if (!result.ok()) refused->push_back(result.error().reason);
  ++*answered;
}

TEST_F(SqliteStoreTest, TooManyWaitingReadsAreTurnedAway) {
  options.pending_reads_max = 10;
  ASSERT_TRUE(Open().ok());
  std::vector<Reason> refused;
  for (size_t answered : {size_t{0}, size_t{0}}) {  // and again once they are answered
    refused.clear();
    TaskScope scope(real.world().loop);
    for (int i = 0; i < 30; ++i) scope.Spawn("read", ReadFrom(*store, &refused, &answered));
    ASSERT_TRUE(RunUntil([&] { return answered == 30; }));
    EXPECT_EQ(refused, std::vector<Reason>(20, Reason::kTooManyRequests));
  }
}

TEST_F(SqliteStoreTest, SubmittedWritesAreFinishedWhenTheStoreCloses) {
  ASSERT_TRUE(Open().ok());
  {
    std::vector<Result<WriteResult>> results;
    TaskScope scope(real.world().loop);
    CompareAndSet write{.key = "/a", .expected = 0, .value = "1"};
    scope.Spawn("write", WriteInto(*store, std::move(write), &results));
    int turns = 0;
    ASSERT_TRUE(RunUntil([&] { return ++turns > 1; }));
    store.reset();
  }
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(store->CurrentRevision(), 2);
}

}  // namespace
}  // namespace wherry::apiserver::storage
