#pragma once

#include "lib/loop/sync.h"

#include <cstddef>

namespace wherry::apiserver::endpoints {

// How many writes of bulk requests are under way at once, all such requests together: well below
// what the store lets wait, so that nobody else's write is refused because of them. Loop thread.
class BulkLimit {
 public:
  BulkLimit(Loop& loop, size_t at_once) : freed_(loop), left_(at_once) {}

  // One write's place, given back at its end.
  class Place {
   public:
    explicit Place(BulkLimit& limit) : limit_(&limit) { --limit.left_; }
    Place(Place&& other) noexcept : limit_(std::exchange(other.limit_, nullptr)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (limit_ == nullptr) return;
      ++limit_->left_;
      limit_->freed_.Notify();
    }

   private:
    BulkLimit* limit_;
  };
  bool full() const { return left_ == 0; }
  // Until a place is given back; look whether it is full again.
  auto Freed() { return freed_.Wait(); }

 private:
  Notifier freed_;
  size_t left_;
};

}  // namespace wherry::apiserver::endpoints
