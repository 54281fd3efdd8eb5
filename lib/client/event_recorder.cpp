#include "lib/client/event_recorder.h"

#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "lib/api/time.h"
#include "lib/loop/sync.h"
#include "lib/telemetry/log.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <optional>
#include <utility>

namespace wherry::client {
namespace {

namespace core = api::core::v1;
using std::chrono::seconds;

constexpr telemetry::Logger log("event_recorder");
constexpr size_t kWaitingMax = 1000;
constexpr size_t kRememberedMax = 4096;
constexpr std::chrono::minutes kRepeatWindow{10};
constexpr int kTriesMax = 4;
constexpr seconds kDropLogInterval{30};

// What has been written about one object for one reason and message.
struct Written {
  std::string ns;
  std::string name;
  int32_t count = 0;
  WallTime last;
};

std::string HexNanoseconds(WallTime time) {
  const auto count =
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  std::array<char, 20> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), count, 16);
  return std::string(buffer.data(), end.ptr);
}

void FillReference(const google::protobuf::Message& regarding, std::string_view field_path,
                   core::ObjectReference& reference) {
  const api::KindInfo& kind = api::KindOf(regarding);
  const auto& meta = api::MetaOf(regarding);
  reference.set_kind(kind.kind);
  reference.set_apiversion(kind.ApiVersion());
  if (!meta.namespace_().empty()) reference.set_namespace_(meta.namespace_());
  reference.set_name(meta.name());
  reference.set_uid(meta.uid());
  reference.set_resourceversion(meta.resourceversion());
  if (!field_path.empty()) reference.set_fieldpath(std::string(field_path));
}

// Two events with the same key are one event, counted.
std::string RepeatKey(const core::Event& event) {
  std::string key;
  const auto& object = event.involvedobject();
  for (const std::string* part :
       {&object.apiversion(), &object.kind(), &object.namespace_(), &object.name(), &object.uid(),
        &object.fieldpath(), &event.type(), &event.reason(), &event.message()}) {
    key += *part;
    key += '\0';
  }
  return key;
}

std::string CountPatch(int32_t count, WallTime now) {
  return R"({"count":)" + std::to_string(count) + R"(,"lastTimestamp":")" + api::FormatTime(now) +
         R"("})";
}

// Whether the same request may succeed later.
bool WorthRetrying(const Error& error) {
  switch (error.reason) {
    case Reason::kServerTimeout:
    case Reason::kTimeout:
    case Reason::kTooManyRequests:
    case Reason::kInternalError:
    case Reason::kServiceUnavailable:
      return true;
    default:
      return false;
  }
}

}  // namespace

struct EventRecorder::Impl {
  Impl(World& the_world, ApiClient& the_client, std::string the_component, std::string the_host)
      : world(the_world),
        client(the_client),
        component(std::move(the_component)),
        host(std::move(the_host)),
        arrived(the_world.loop),
        scope(the_world.loop) {
    scope.Spawn("event recorder", WriteAll());
  }

  // One line for many.
  void Drop() {
    ++dropped;
    const MonotonicTime now = world.loop.MonotonicNow();
    if (!drop_logged || now - *drop_logged >= kDropLogInterval) LogDropped(now);
  }
  void LogDropped(MonotonicTime now) {
    log.Warn("events dropped: too many wait", {{"count", std::exchange(dropped, 0)}});
    drop_logged = now;
  }

  Task<void> WriteAll() {
    while (true) {
      if (waiting.empty() && dropped > 0) LogDropped(world.loop.MonotonicNow());
      while (waiting.empty()) co_await arrived.Wait();
      core::Event event = std::move(waiting.front());
      waiting.pop_front();
      auto writing = Write(std::move(event));
      co_await std::move(writing);
    }
  }

  Task<void> Write(core::Event event) {
    for (int tries = 1;; ++tries) {
      auto trying = WriteOnce(event);
      const Status outcome = co_await std::move(trying);
      if (outcome.ok()) co_return;
      if (tries == kTriesMax || !WorthRetrying(outcome.error())) {
        log.Warn("event dropped", {{"object", event.involvedobject().name()},
                                   {"reason", event.reason()},
                                   {"error", outcome.error().message}});
        co_return;
      }
      co_await SleepFor(world.loop, seconds(1 << tries));
    }
  }

  Task<Status> WriteOnce(core::Event event) {
    const std::string key = RepeatKey(event);
    const WallTime now = world.clock.Now();
    auto known = written.find(key);
    if (known != written.end() && now - known->second.last < kRepeatWindow) {
      const int32_t count = known->second.count + 1;
      auto patching = client.Patch(api::KindOf<core::Event>(), known->second.ns, known->second.name,
                                   PatchType::kStrategicMerge, CountPatch(count, now), "");
      auto patched = co_await std::move(patching);
      if (patched.ok()) {
        Written& entry = written[key];
        entry.count = count;
        entry.last = now;
        co_return Ok();
      }
      if (patched.error().reason != Reason::kNotFound) co_return std::move(patched).error();
    }
    const std::string ns = event.metadata().namespace_();
    // Two events of one moment need two names.
    last_named = std::max(now, last_named + WallTime::duration(1));
    const std::string name = event.involvedobject().name() + "." + HexNanoseconds(last_named);
    event.mutable_metadata()->set_name(name);
    auto creating = client.Create(ns, std::make_shared<core::Event>(event));
    auto created = co_await std::move(creating);
    if (!created.ok()) co_return std::move(created).error();
    Remember(key, Written{ns, name, 1, now});
    co_return Ok();
  }

  void Remember(const std::string& key, Written entry) {
    if (written.size() >= kRememberedMax) {
      std::erase_if(written, [&entry](const auto& old) {
        return entry.last - old.second.last >= kRepeatWindow;
      });
      if (written.size() >= kRememberedMax) written.clear();
    }
    written[key] = std::move(entry);
  }

  World& world;
  ApiClient& client;
  std::string component;
  std::string host;
  std::deque<core::Event> waiting;
  std::map<std::string, Written> written;
  WallTime last_named;
  int64_t dropped = 0;  // since the last line about them
  std::optional<MonotonicTime> drop_logged;
  Notifier arrived;
  TaskScope scope;  // last: its task uses all of the above
};

EventRecorder::EventRecorder(World& world, ApiClient& client, std::string component,
                             std::string host)
    : impl_(std::make_unique<Impl>(world, client, std::move(component), std::move(host))) {}
EventRecorder::~EventRecorder() = default;

void EventRecorder::Event(const google::protobuf::Message& regarding, std::string_view type,
                          std::string_view reason, std::string_view message,
                          std::string_view field_path) {
  if (impl_->waiting.size() >= kWaitingMax) {
    impl_->Drop();
    return;
  }
  const std::string& ns = api::MetaOf(regarding).namespace_();
  const WallTime now = impl_->world.clock.Now();
  core::Event event;
  event.mutable_metadata()->set_namespace_(ns.empty() ? "default" : ns);
  FillReference(regarding, field_path, *event.mutable_involvedobject());
  event.set_type(std::string(type));
  event.set_reason(std::string(reason));
  event.set_message(std::string(message));
  event.mutable_source()->set_component(impl_->component);
  if (!impl_->host.empty()) event.mutable_source()->set_host(impl_->host);
  api::SetTime(event.mutable_firsttimestamp(), now);
  api::SetTime(event.mutable_lasttimestamp(), now);
  event.set_count(1);
  event.set_reportingcomponent(impl_->component);
  event.set_reportinginstance(impl_->host);
  impl_->waiting.push_back(std::move(event));
  impl_->arrived.Notify();
}

}  // namespace wherry::client
