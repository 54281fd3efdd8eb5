#include "lib/client/reflector.h"

#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "lib/telemetry/log.h"
#include "proto/api/meta/v1.pb.h"

#include <algorithm>

namespace wherry::client {
namespace {

using std::chrono::milliseconds;

// A page's text is in memory beside its objects, not the whole list's. As client-go's pager.
constexpr int64_t kPageObjects = 500;
constexpr telemetry::Logger log("reflector");
constexpr milliseconds kDelayMin{800};
constexpr milliseconds kDelayMax{30'000};
constexpr std::chrono::minutes kCalm{2};
// A watch that ends sooner without an event is treated as a failure, lest it spins.
constexpr std::chrono::seconds kWatchMin{1};

bool IsExpired(const Error& error) {
  return error.reason == Reason::kExpired || error.reason == Reason::kGone;
}

}  // namespace

std::chrono::nanoseconds Backoff::Next() {
  const MonotonicTime now = world_.clock.MonotonicNow();
  if (delay_ == milliseconds::zero() || now - last_ > kCalm) {
    delay_ = kDelayMin;
  } else {
    delay_ = std::min(delay_ * 2, kDelayMax);
  }
  last_ = now;
  // Up to twice as long, so that the clients of a server that was away come back one by one.
  return milliseconds(
      static_cast<int64_t>(static_cast<double>(delay_.count()) * (1.0 + world_.random.Fraction())));
}

Reflector::Reflector(World& world, ApiClient& client, const api::KindInfo& kind, std::string ns,
                     ListOptions selectors, Sink sink)
    : world_(world),
      client_(client),
      kind_(kind),
      ns_(std::move(ns)),
      selectors_(std::move(selectors)),
      sink_(std::move(sink)),
      backoff_(world) {}

Task<void> Reflector::Run() {
  bool listed = false;
  while (true) {
    auto trying = listed ? WatchOnce() : ListAll();
    const Status outcome = co_await std::move(trying);
    if (outcome.ok()) {
      listed = true;
      continue;
    }
    const Error& error = outcome.error();
    if (IsExpired(error)) {
      log.Info("revision expired, listing again",
               {{"resource", kind_.plural}, {"resourceVersion", resource_version_}});
      list_newest_ = true;
      // Without progress in between this would go round without a pause.
      if (std::exchange(listed, false) && watch_progressed_) continue;
    } else {
      log.Warn(listed ? "watch failed, watching again" : "list failed, listing again",
               {{"resource", kind_.plural}, {"error", error.message}});
    }
    co_await SleepFor(world_.loop, backoff_.Next());
  }
}

Task<Status> Reflector::ListAll() {
  ListOptions options = selectors_;
  options.resource_version = list_newest_ ? "" : "0";
  options.limit = kPageObjects;
  auto listing = client_.List(kind_, ns_, std::move(options));
  CO_TRY(ObjectList list, co_await std::move(listing));
  std::vector<MessagePtr> objects = std::move(list.items);
  while (!list.continue_token.empty()) {
    ListOptions more = selectors_;
    more.continue_token = list.continue_token;
    more.limit = kPageObjects;
    auto continuing = client_.List(kind_, ns_, std::move(more));
    CO_TRY(list, co_await std::move(continuing));
    std::move(list.items.begin(), list.items.end(), std::back_inserter(objects));
  }
  resource_version_ = list.resource_version;
  list_newest_ = false;
  sink_.replace(std::move(objects));
  co_return Ok();
}

Task<Status> Reflector::WatchOnce() {
  const MonotonicTime start = world_.clock.MonotonicNow();
  bool any = false;
  watch_progressed_ = false;
  ListOptions options = selectors_;
  options.resource_version = resource_version_;
  auto starting = client_.StartWatch(kind_, ns_, std::move(options));
  CO_TRY(std::unique_ptr<Watch> watch, co_await std::move(starting));
  while (true) {
    auto waiting = watch->Next();
    CO_TRY(std::optional<WatchEvent> event, co_await std::move(waiting));
    watch_progressed_ = event || world_.clock.MonotonicNow() - start >= kWatchMin;
    if (!event) break;
    resource_version_ = api::MetaOf(*event->object).resourceversion();
    if (event->type != WatchEvent::Type::kBookmark) sink_.apply(*event);
    any = true;
  }
  if (any || watch_progressed_) co_return Ok();
  co_return MakeError(Reason::kServiceUnavailable, "very short watch: no event came");
}

}  // namespace wherry::client
