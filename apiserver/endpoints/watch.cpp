#include "apiserver/endpoints/list_options.h"
#include "apiserver/endpoints/watch_encoder.h"
#include "apiserver/request/status.h"
#include "apiserver/storage/cacher/cacher.h"
#include "lib/base/seconds.h"
#include "lib/loop/world.h"

#include <deque>

namespace wherry::apiserver::endpoints {

namespace {

// Upstream tells bookmarks about once a minute, and ends watches after 30 to 60 minutes.
constexpr std::chrono::seconds kBookmarkInterval{60};
constexpr std::chrono::seconds kLastBookmarkBefore{2};
constexpr std::chrono::seconds kTimeoutMin{30 * 60};
constexpr size_t kPieceBytes = 64 * 1024;

// A running watch: first what exists (when asked for), then events, bookmarks in between, until the
// deadline.
class WatchBody : public http::BodySource {
 public:
  struct Start {
    std::deque<storage::ObjectPtr> initial;
    storage::Revision initial_revision = 0;
    bool tell_initial_end = false;
    bool bookmarks = false;
    MonotonicTime deadline;
  };
  WatchBody(Loop& loop, WatchEncoder encoder, std::unique_ptr<storage::ObjectWatcher> watcher,
            Start start)
      : loop_(loop),
        encoder_(std::move(encoder)),
        watcher_(std::move(watcher)),
        start_(std::move(start)),
        next_bookmark_(NextBookmark(loop.MonotonicNow())) {}

  Task<Result<std::optional<http::Chunk>>> Next() override {
    while (true) {
      if (!start_.initial.empty()) co_return Shown(TakeInitial());
      if (start_.tell_initial_end) {
        start_.tell_initial_end = false;
        co_return Shown(encoder_.Bookmark(start_.initial_revision, true));
      }
      if (!pending_.empty()) co_return Shown(TakeEvents());
      MonotonicTime now = loop_.MonotonicNow();
      if (ended_ || now >= start_.deadline) co_return std::nullopt;
      MonotonicTime until = start_.deadline;
      if (start_.bookmarks) {
        if (now >= next_bookmark_) {
          next_bookmark_ = NextBookmark(now);
          co_return Shown(encoder_.Bookmark(watcher_->progress(), false));
        }
        until = std::min(until, next_bookmark_);
      }
      // Nothing comes when `until` is first. A timer around Next could drop what arrives with it.
      auto waiting = watcher_->Next(until);
      auto items = co_await std::move(waiting);
      if (items.ok()) {
        for (storage::WatchItem& item : *items) pending_.push_back(std::move(item));
        continue;
      }
      ended_ = true;
      co_return std::optional<http::Chunk>(encoder_.ErrorEvent(items.error()));
    }
  }

 private:
  // An object that cannot be encoded ends the watch with an ERROR event.
  std::optional<http::Chunk> Shown(Result<http::Chunk> chunk) {
    if (chunk.ok()) return std::move(chunk).value();
    ended_ = true;
    pending_.clear();
    start_.initial.clear();
    return encoder_.ErrorEvent(chunk.error());
  }

  // One more bookmark shortly before the end lets the client resume where it was.
  MonotonicTime NextBookmark(MonotonicTime now) const {
    MonotonicTime last = start_.deadline - kLastBookmarkBefore;
    MonotonicTime next = now + kBookmarkInterval;
    return now < last ? std::min(next, last) : next;
  }

  Result<http::Chunk> TakeInitial() {
    TRY(http::Chunk chunk, encoder_.Initial(start_.initial.front()));
    start_.initial.pop_front();
    if (chunk.object || start_.initial.empty()) return chunk;
    std::string piece = *chunk.bytes;
    while (!start_.initial.empty() && piece.size() < kPieceBytes) {
      TRY(http::Chunk more, encoder_.Initial(start_.initial.front()));
      start_.initial.pop_front();
      piece += *more.bytes;
    }
    chunk.bytes = std::make_shared<const std::string>(std::move(piece));
    return chunk;
  }

  // One event is sent from the bytes that all watches share; a burst is put into one piece.
  Result<http::Chunk> TakeEvents() {
    TRY(http::Chunk chunk, encoder_.Event(pending_.front()));
    pending_.pop_front();
    if (chunk.object || pending_.empty()) return chunk;
    std::string piece = *chunk.bytes;
    while (!pending_.empty() && piece.size() < kPieceBytes) {
      TRY(http::Chunk more, encoder_.Event(pending_.front()));
      pending_.pop_front();
      piece += *more.bytes;
    }
    chunk.bytes = std::make_shared<const std::string>(std::move(piece));
    return chunk;
  }

  Loop& loop_;
  WatchEncoder encoder_;
  std::unique_ptr<storage::ObjectWatcher> watcher_;
  Start start_;
  std::deque<storage::WatchItem> pending_;
  MonotonicTime next_bookmark_;
  bool ended_ = false;
};

// A watch that has only one thing to say.
class ErrorBody : public http::BodySource {
 public:
  explicit ErrorBody(http::Chunk chunk) : chunk_(std::move(chunk)) {}
  Task<Result<std::optional<http::Chunk>>> Next() override {
    co_return std::exchange(chunk_, std::nullopt);
  }

 private:
  std::optional<http::Chunk> chunk_;
};

MonotonicTime DeadlineOf(const World& world, const ListOptions& options) {
  std::chrono::seconds timeout = kTimeoutMin;
  if (options.timeout_seconds && *options.timeout_seconds > 0) {
    timeout = BoundedSeconds(*options.timeout_seconds);
  } else {
    timeout += std::chrono::seconds(world.random.Below(static_cast<uint64_t>(kTimeoutMin.count())));
  }
  return world.loop.MonotonicNow() + timeout;
}

// Whether the watch begins with what exists now.
bool WantsInitial(const ListOptions& options) {
  if (options.send_initial_events) return *options.send_initial_events;
  return options.revision == 0;
}

}  // namespace

Reply Watch(Environment& environment, const Resource& resource, ApiRequest& request) {
  CO_TRY(ListOptions options, ParseListOptions(resource, request));
  CO_TRY(IncludeObject include, ParseIncludeObject(request.query));
  if (request.accepted.encoding == Encoding::kYaml) {
    co_return MakeError(Reason::kNotAcceptable,
                        "only the following media types are accepted: "
                        "application/json;stream=watch, "
                        "application/vnd.kubernetes.protobuf;stream=watch");
  }
  World& world = environment.world;
  storage::Cacher& cacher = environment.store.cacher();
  if (request.accepted.as == Accepted::As::kPartialObjectMetadataList) {
    request.accepted.as = Accepted::As::kPartialObjectMetadata;
  }
  WatchEncoder encoder(resource, request.accepted, include, request.http.wants_objects,
                       world.clock);
  http::Response response;
  response.headers.Set("Content-Type", encoder.ContentType());
  if (options.send_initial_events && options.revision > 0) {
    auto reached = WaitForRevision(environment, options.revision);
    CO_TRY_STATUS(co_await std::move(reached));
  }
  WatchBody::Start start;
  start.bookmarks = options.allow_bookmarks;
  start.deadline = DeadlineOf(world, options);
  storage::Selection selection = SelectionOf(resource, request.info.ns, options);
  storage::Revision after = options.revision;
  if (WantsInitial(options)) {
    storage::ObjectListOptions wanted;
    wanted.selection = selection;
    auto listing = cacher.ListObjects(std::move(wanted));
    CO_TRY(storage::ObjectList listed, co_await std::move(listing));
    start.initial.assign(listed.items.begin(), listed.items.end());
    start.initial_revision = listed.revision;
    start.tell_initial_end = options.send_initial_events.value_or(false) && options.allow_bookmarks;
    after = listed.revision;
  } else if (options.send_initial_events) {
    after = cacher.CurrentRevision();
  }
  auto watcher = cacher.WatchObjects(std::move(selection), after);
  if (!watcher.ok()) {
    if (watcher.error().reason != Reason::kExpired) co_return std::move(watcher).error();
    // Upstream's form of 410 for a watch: a stream with one ERROR event.
    response.stream = std::make_unique<ErrorBody>(encoder.ErrorEvent(watcher.error()));
    co_return response;
  }
  response.stream = std::make_unique<WatchBody>(world.loop, std::move(encoder),
                                                std::move(watcher).value(), std::move(start));
  co_return response;
}

}  // namespace wherry::apiserver::endpoints
