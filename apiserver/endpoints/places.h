#pragma once

#include "lib/loop/sync.h"

#include <cstddef>
#include <memory>
#include <utility>

namespace wherry::apiserver::endpoints {

// So many may do something at once; who finds it full waits for Freed and looks again. Loop thread.
class Places {
 private:
  struct State {
    State(Loop& loop, size_t count) : freed(loop), left(count) {}
    Notifier freed;
    size_t left;
  };

 public:
  Places(Loop& loop, size_t count) : state_(std::make_shared<State>(loop, count)) {}

  // A place that is taken, given back at its end. It may outlive the Places.
  class Place {
   public:
    explicit Place(Places& places) : state_(places.state_) { --state_->left; }
    Place(Place&& other) noexcept = default;
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (state_ == nullptr) return;
      ++state_->left;
      state_->freed.Notify();
    }

   private:
    std::shared_ptr<State> state_;
  };
  bool full() const { return state_->left == 0; }
  auto Freed() { return state_->freed.Wait(); }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace wherry::apiserver::endpoints
