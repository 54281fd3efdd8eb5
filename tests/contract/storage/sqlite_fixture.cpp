#include "apiserver/storage/cacher/cacher.h"
#include "apiserver/storage/sqlite/sqlite_store.h"
#include "tests/contract/storage/store_fixture.h"

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>

namespace wherry::apiserver::storage {
namespace {

class TempDir {
 public:
  TempDir() { CHECK(::mkdtemp(path_.data()) != nullptr); }
  ~TempDir() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  // In memory where that is possible: what is promised here is not durability.
  static std::filesystem::path Root() {
    const bool memory = ::access("/dev/shm", W_OK) == 0;
    return memory ? "/dev/shm" : std::filesystem::temp_directory_path();
  }
  std::string path_ = Root() / "wherry-contract-XXXXXX";
};

class SqliteFixture : public StoreFixture {
 public:
  explicit SqliteFixture(size_t watch_queue_events_max = kWatchQueueEvents) {
    SqliteStore::Options options{.path = dir_.path() + "/state.db"};
    options.sweep_rows = 3;
    options.watch_queue_events_max = watch_queue_events_max;
    auto opened = SqliteStore::Open(world(), std::move(options));
    CHECK_OK(opened);
    store_ = std::move(*opened);
  }
  World& world() override { return real_.world(); }
  Store& store() override { return *store_; }
  bool RunUntil(const std::function<bool()>& done) override {
    const MonotonicTime deadline = world().loop.MonotonicNow() + std::chrono::seconds(20);
    // Each turn asks once more; the loop would otherwise sleep through the change.
    std::function<void()> turn = [&] {
      if (done() || world().loop.MonotonicNow() >= deadline) return world().loop.Stop();
      world().loop.RunAt(world().loop.MonotonicNow() + std::chrono::microseconds(50), turn);
    };
    world().loop.Post(turn);
    world().loop.Run();
    return done();
  }

 private:
  TempDir dir_;
  RealWorld real_{1};
  std::unique_ptr<SqliteStore> store_;
};

class CacherOverSqliteFixture : public SqliteFixture {
 public:
  CacherOverSqliteFixture()
      : SqliteFixture(100'000), cacher_(world().loop, SqliteFixture::store(), Limits()) {
    CHECK_OK(Await(cacher_.Start()));
  }
  Store& store() override { return cacher_; }

 private:
  static Cacher::Options Limits() {
    Cacher::Options limits;
    limits.watch_queue_events_max = kWatchQueueEvents;
    limits.window_events = 4;
    limits.hot_events = 2;
    return limits;
  }
  Cacher cacher_;
};

}  // namespace

std::unique_ptr<StoreFixture> MakeSqliteFixture() { return std::make_unique<SqliteFixture>(); }
std::unique_ptr<StoreFixture> MakeCacherOverSqliteFixture() {
  return std::make_unique<CacherOverSqliteFixture>();
}

}  // namespace wherry::apiserver::storage
