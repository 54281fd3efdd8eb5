#pragma once

#include "lib/loop/loop.h"
#include "lib/loop/sync.h"
#include "lib/loop/task.h"

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace wherry {

// A small pool of threads for calls that may block: unpack, hash, mount, fsync.
//
// What crosses is a value or a shared_ptr<const T>; the result arrives on the loop. A caller that
// is cancelled leaves its job to finish; the result is dropped.
class Blocking {
 public:
  virtual ~Blocking() = default;

  // Runs `job` on a helper thread, first come first served. Loop thread.
  virtual void Submit(std::function<void()> job) = 0;

  // auto size = co_await blocking.Run(loop, [path] { return Unpack(path); });
  template <typename F, typename R = std::invoke_result_t<F>>
  Task<R> Run(Loop& loop, F job) {
    OneShot<R> shot(loop);
    Submit([&loop, shot, job = std::move(job)]() mutable {
      auto result = std::make_shared<R>(job());
      loop.PostFromAnyThread([shot, result] { shot.Set(std::move(*result)); });
    });
    auto awaiter = shot.Wait();
    co_return co_await std::move(awaiter);
  }
};

}  // namespace wherry
