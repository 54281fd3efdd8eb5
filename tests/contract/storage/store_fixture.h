#pragma once

#include "apiserver/storage/interface.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

namespace wherry::apiserver::storage {

// A fresh store in a world of its own, and the means to run that world.
class StoreFixture {
 public:
  // Watchers of these stores expire once this many events wait.
  static constexpr size_t kWatchQueueEvents = 64;

  virtual ~StoreFixture() = default;
  virtual World& world() = 0;
  virtual Store& store() = 0;
  // Runs the world until `done`, at most some seconds; says whether it was.
  virtual bool RunUntil(const std::function<bool()>& done) = 0;

  // Runs the world until `task` has its result; ends the program when it never does.
  template <typename T>
  T Await(Task<T> task) {
    std::optional<T> result;
    TaskScope scope(world().loop);
    scope.Spawn("await", Deliver(std::move(task), &result));
    CHECK(RunUntil([&] { return result.has_value(); }));
    return std::move(*result);
  }

 private:
  template <typename T>
  static Task<void> Deliver(Task<T> task, std::optional<T>* result) {
    auto value = co_await std::move(task);
    result->emplace(std::move(value));
  }
};

struct StoreFactory {
  std::string name;
  std::function<std::unique_ptr<StoreFixture>()> make;
  friend void PrintTo(const StoreFactory& factory, std::ostream* out) { *out << factory.name; }
};

std::unique_ptr<StoreFixture> MakeMemoryFixture();
std::unique_ptr<StoreFixture> MakeSqliteFixture();
std::unique_ptr<StoreFixture> MakeCacherOverMemoryFixture();
std::unique_ptr<StoreFixture> MakeCacherOverSqliteFixture();

}  // namespace wherry::apiserver::storage
