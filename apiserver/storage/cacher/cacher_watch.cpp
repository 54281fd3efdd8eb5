#include "apiserver/storage/cacher/cacher_impl.h"
#include "apiserver/storage/revision_errors.h"

#include <algorithm>
#include <utility>

namespace wherry::apiserver::storage {
namespace {

class CacherWatcher : public ObjectWatcher, public WatchSubscriber {
 public:
  CacherWatcher(std::shared_ptr<Cacher::Impl> cacher, Selection wanted, Revision after)
      : WatchSubscriber(std::move(wanted)),
        cacher_(std::move(cacher)),
        changed_(cacher_->loop),
        position_(after == 0 ? cacher_->revision : after),
        live_after_(std::max(position_, cacher_->revision)) {
    const Selection& what = selection();
    cacher_->dispatcher.Add(this,
                            what.index && cacher_->index.Indexes(what.prefix, what.index->field));
  }
  ~CacherWatcher() override { cacher_->dispatcher.Remove(this); }

  Task<Result<std::vector<WatchItem>>> Next(MonotonicTime deadline) override {
    while (true) {
      if (cacher_->closed) co_return Failure(Reason::kServiceUnavailable, "store closed");
      if (expired_) co_return Failure(Reason::kExpired, "too old resource version");
      if (position_ < live_after_) {
        CO_TRY(auto page, co_await cacher_->History(selection().prefix, position_, live_after_));
        position_ = page.through;
        std::vector<WatchItem> items;
        for (const ObjectEventPtr& event : page.events) Append(event, items);
        if (!items.empty()) co_return std::move(items);
        continue;
      }
      if (!queue_.empty()) {
        queue_bytes_ = 0;
        co_return std::exchange(queue_, {});
      }
      if (cacher_->loop.MonotonicNow() >= deadline) co_return std::vector<WatchItem>();
      Alarm alarm(*this, deadline);
      co_await changed_.Wait();
    }
  }

  Revision progress() const override {
    if (position_ < live_after_) return position_;
    return queue_.empty() ? cacher_->revision : queue_.front().event->revision() - 1;
  }

  void Offer(const ObjectEventPtr& event) override {
    if (expired_ || event->revision() <= live_after_) return;
    const size_t waiting = queue_.size();
    Append(event, queue_);
    if (queue_.size() == waiting) return;
    queue_bytes_ += queue_.back().object()->kv().value->size();
    const Cacher::Options& limits = cacher_->limits;
    if (queue_.size() > limits.watch_queue_events_max ||
        queue_bytes_ > limits.watch_queue_bytes_max) {
      return Expire();
    }
    if (waiting == 0) changed_.Notify();
  }
  void Expire() override {
    expired_ = true;
    queue_ = {};
    changed_.Notify();
  }
  void Wake() override { changed_.Notify(); }

 private:
  // Wakes the watcher at a deadline.
  struct Alarm {
    Alarm(CacherWatcher& watcher, MonotonicTime deadline) : loop(watcher.cacher_->loop) {
      if (deadline != MonotonicTime::max())
        timer = loop.RunAt(deadline, [&watcher] { watcher.Wake(); });
    }
    ~Alarm() {
      if (timer != 0) loop.CancelTimer(timer);
    }
    Alarm(const Alarm&) = delete;
    Alarm& operator=(const Alarm&) = delete;
    Loop& loop;
    Loop::TimerId timer = 0;
  };

  // Adds the event as this watcher is told it, if at all: an object that comes to match is added,
  // one that ceases to is deleted.
  void Append(const ObjectEventPtr& event, std::vector<WatchItem>& items) const {
    const bool is = event->object() && cacher_->Matches(selection(), *event->object());
    const bool was = event->previous() && cacher_->Matches(selection(), *event->previous());
    if (!is && !was) return;
    const WatchType type = !is   ? WatchType::kDeleted
                           : was ? WatchType::kModified
                                 : WatchType::kAdded;
    items.push_back({type, event});
  }

  Error Failure(Reason reason, const char* why) const {
    return MakeError(reason, "watch '" + selection().prefix + "': " + why);
  }

  std::shared_ptr<Cacher::Impl> cacher_;
  Notifier changed_;
  Revision position_;    // history up to here has been returned
  Revision live_after_;  // later events come through the queue
  std::vector<WatchItem> queue_;
  size_t queue_bytes_ = 0;  // of the objects in it
  bool expired_ = false;
};

}  // namespace

Result<std::unique_ptr<ObjectWatcher>> Cacher::Impl::Watch(std::shared_ptr<Impl> self,
                                                           Selection selection, Revision after) {
  const Revision compacted = wrapped.CompactedRevision();
  if (after != 0 && after < window.start() && after < compacted)
    return CompactedError(after, compacted);
  return std::make_unique<CacherWatcher>(std::move(self), std::move(selection), after);
}

Task<Result<ObjectHistoryPage>> Cacher::Impl::History(std::string prefix, Revision after,
                                                      Revision upto) const {
  if (after >= window.start())
    co_return ObjectHistoryPage{window.Between(prefix, after, upto), upto};
  CO_TRY(HistoryPage stored, co_await wrapped.History(prefix, after, upto));
  ObjectHistoryPage page{.events = {}, .through = stored.through};
  for (const EventPtr& event : stored.events) {
    ObjectPtr object;
    ObjectPtr previous;
    if (event->type == Event::Type::kPut) object = MakeObject(event->kv);
    if (event->type == Event::Type::kDelete) previous = MakeObject(event->kv);
    if (object && event->previous_value) {
      // Its own revision is not told; a watcher only compares and shows it at this event's.
      KeyValue before = event->kv;
      before.value = event->previous_value;
      previous = MakeObject(std::move(before));
    }
    page.events.push_back(
        std::make_shared<const ObjectEvent>(event->revision, std::move(object), previous));
  }
  co_return page;
}

}  // namespace wherry::apiserver::storage
