#include "apiserver/storage/watch_hub.h"

#include <algorithm>
#include <utility>

namespace wherry::apiserver::storage {

class WatchHub::HubWatcher : public Watcher {
 public:
  HubWatcher(std::shared_ptr<State> hub, std::string prefix, Revision after)
      : hub_(std::move(hub)),
        changed_(hub_->loop),
        prefix_(std::move(prefix)),
        position_(after == 0 ? hub_->current : after),
        live_after_(std::max(position_, hub_->current)) {
    hub_->watchers.push_back(this);
  }
  ~HubWatcher() override { std::erase(hub_->watchers, this); }

  Task<Result<std::vector<EventPtr>>> Next() override {
    while (true) {
      if (expired_)
        co_return MakeError(Reason::kExpired, "watch '" + prefix_ + "': too old resource version");
      if (!hub_->read_history)
        co_return MakeError(Reason::kServiceUnavailable, "watch '" + prefix_ + "': store closed");
      if (position_ < live_after_) {
        // A cancelled read moves nothing: the next call reads the same page again.
        CO_TRY(HistoryPage page, co_await hub_->read_history(prefix_, position_, live_after_));
        position_ = page.through;
        if (!page.events.empty()) co_return std::move(page.events);
        continue;
      }
      if (!queue_.empty()) co_return std::exchange(queue_, {});
      co_await changed_.Wait();
    }
  }

  Revision progress() const override {
    if (position_ < live_after_) return position_;
    return queue_.empty() ? hub_->current : queue_.front()->revision - 1;
  }

  void Offer(const EventPtr& event) {
    if (expired_ || event->revision <= live_after_ || !event->kv.key.starts_with(prefix_)) return;
    if (queue_.size() >= hub_->queue_events_max) return Expire();
    queue_.push_back(event);
    if (queue_.size() == 1) changed_.Notify();
  }
  void Expire() {
    expired_ = true;
    queue_ = {};
    changed_.Notify();
  }
  void Wake() { changed_.Notify(); }

 private:
  std::shared_ptr<State> hub_;
  Notifier changed_;
  std::string prefix_;
  Revision position_;    // history up to here has been returned
  Revision live_after_;  // later events come through the queue
  std::vector<EventPtr> queue_;
  bool expired_ = false;
};

WatchHub::WatchHub(Loop& loop, Revision current, size_t queue_events_max, ReadHistory read_history)
    : state_(std::make_shared<State>(
          State{loop, current, queue_events_max, std::move(read_history), {}})) {}

WatchHub::~WatchHub() { Close(); }

void WatchHub::Close() {
  state_->read_history = nullptr;
  for (HubWatcher* watcher : state_->watchers) watcher->Wake();
}

std::unique_ptr<Watcher> WatchHub::Watch(std::string prefix, Revision after) {
  return std::make_unique<HubWatcher>(state_, std::move(prefix), after);
}

void WatchHub::Publish(const std::vector<EventPtr>& events) {
  for (const EventPtr& event : events) {
    CHECK(event->revision == state_->current + 1);
    state_->current = event->revision;
    for (HubWatcher* watcher : state_->watchers) watcher->Offer(event);
  }
}

}  // namespace wherry::apiserver::storage
