#include "apiserver/storage/memory/memory_store.h"
#include "tests/contract/storage/store_fixture.h"

namespace wherry::apiserver::storage {
namespace {

class MemoryFixture : public StoreFixture {
 public:
  World& world() override { return sim_.world(); }
  Store& store() override { return store_; }
  bool RunUntil(const std::function<bool()>& done) override {
    return sim_.RunUntil(done, std::chrono::seconds(20));
  }

 private:
  SimWorld sim_{1};
  MemoryStore store_{sim_.world(), {.watch_queue_events_max = kWatchQueueEvents}};
};

}  // namespace

std::unique_ptr<StoreFixture> MakeMemoryFixture() { return std::make_unique<MemoryFixture>(); }

}  // namespace wherry::apiserver::storage
