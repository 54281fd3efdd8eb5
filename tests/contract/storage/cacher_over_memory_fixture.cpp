#include "apiserver/storage/cacher/cacher.h"
#include "apiserver/storage/memory/memory_store.h"
#include "tests/contract/storage/store_fixture.h"

namespace wherry::apiserver::storage {
namespace {

class CacherOverMemoryFixture : public StoreFixture {
 public:
  // A window of a few events, so that older lists and watches go through to the store's history.
  CacherOverMemoryFixture() : cacher_(sim_.world().loop, memory_, Limits()) {
    CHECK_OK(Await(cacher_.Start()));
  }
  World& world() override { return sim_.world(); }
  Store& store() override { return cacher_; }
  bool RunUntil(const std::function<bool()>& done) override {
    return sim_.RunUntil(done, std::chrono::seconds(20));
  }

 private:
  static Cacher::Options Limits() {
    Cacher::Options limits;
    limits.watch_queue_events_max = kWatchQueueEvents;
    limits.window_events = 4;
    limits.hot_events = 2;
    return limits;
  }

  SimWorld sim_{1};
  MemoryStore memory_{sim_.world()};
  Cacher cacher_;
};

}  // namespace

std::unique_ptr<StoreFixture> MakeCacherOverMemoryFixture() {
  return std::make_unique<CacherOverMemoryFixture>();
}

}  // namespace wherry::apiserver::storage
