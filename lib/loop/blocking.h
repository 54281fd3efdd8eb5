#pragma once

#include "lib/loop/loop.h"
#include "lib/loop/sync.h"
#include "lib/loop/task.h"

#include <exception>
#include <functional>
#include <memory>
#include <optional>
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

  // What `job` throws (bad_alloc, a library's own) is thrown again to the caller, on the loop.
  // auto size = co_await blocking.Run(loop, [path] { return Unpack(path); });
  template <typename F, typename R = std::invoke_result_t<F>>
  Task<R> Run(Loop& loop, F job) {
    struct Outcome {
      std::optional<R> result;
      std::exception_ptr thrown;
    };
    OneShot<std::shared_ptr<Outcome>> shot(loop);
    auto outcome = std::make_shared<Outcome>();
    Submit([&loop, shot, outcome, job = std::move(job)]() mutable {
      try {
        outcome->result.emplace(job());
      } catch (...) {
        outcome->thrown = std::current_exception();
      }
      loop.PostFromAnyThread([shot, outcome] { shot.Set(outcome); });
    });
    auto awaiter = shot.Wait();
    co_await std::move(awaiter);
    if (outcome->thrown) std::rethrow_exception(outcome->thrown);
    co_return std::move(*outcome->result);
  }
};

}  // namespace wherry
