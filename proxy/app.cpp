#include "proxy/app.h"

#include "lib/api/kind_registry.h"
#include "lib/client/informer.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/telemetry/log.h"
#include "lib/telemetry/metrics.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/discovery/v1.pb.h"
#include "proxy/healthcheck/service_health.h"
#include "proxy/services/tracker.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace wherry::proxy {
namespace {

namespace core = api::core::v1;
namespace discovery = api::discovery::v1;
using namespace std::chrono_literals;

constexpr telemetry::Logger kLog("kube-proxy");
constexpr std::chrono::milliseconds kRetryFirst = 500ms;
constexpr std::chrono::milliseconds kRetryMax = 30s;
// How long Services may stay dead after somebody flushed their rules.
constexpr std::chrono::milliseconds kCheckInterval = 3s;

telemetry::Histogram SyncSeconds() {
  return telemetry::DefaultRegistry().HistogramAt("kubeproxy_sync_proxy_rules_duration_seconds",
                                                  "SyncProxyRules latency in seconds",
                                                  {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5});
}

}  // namespace

struct App::Impl {
  Impl(World& the_world, client::ApiClient& client, dataplane::Dataplane& the_dataplane,
       Options options)
      : world(the_world),
        dataplane(the_dataplane),
        tracker(options.node_name),
        services(world, client, api::KindOf<core::Service>()),
        slices(world, client, api::KindOf<discovery::EndpointSlice>()),
        changed(world.loop),
        health(world.loop),
        scope(world.loop) {}

  void Start() {
    services.AddHandlers(
        {.on_change =
             [this](const client::MessagePtr&, const client::MessagePtr& service) {
               tracker.SetService(std::static_pointer_cast<const core::Service>(service));
               Changed();
             },
         .on_delete =
             [this](const client::MessagePtr& service) {
               const auto& metadata = static_cast<const core::Service&>(*service).metadata();
               tracker.RemoveService(metadata.namespace_(), metadata.name());
               Changed();
             }});
    slices.AddHandlers({.on_change =
                            [this](const client::MessagePtr&, const client::MessagePtr& slice) {
                              tracker.SetEndpointSlice(
                                  std::static_pointer_cast<const discovery::EndpointSlice>(slice));
                              Changed();
                            },
                        .on_delete =
                            [this](const client::MessagePtr& slice) {
                              const auto& metadata =
                                  static_cast<const discovery::EndpointSlice&>(*slice).metadata();
                              tracker.RemoveEndpointSlice(metadata.namespace_(), metadata.name());
                              Changed();
                            }});
    services.Start();
    slices.Start();
    scope.Spawn("sync proxy rules", SyncForever());
    scope.Spawn("check proxy rules", AskForChecks());
  }

  void Changed() {
    dirty = true;
    changed.Notify();
  }

  Task<void> SyncForever() {
    co_await services.WaitForSync();
    co_await slices.WaitForSync();
    dirty = true;
    std::chrono::milliseconds retry = kRetryFirst;
    while (true) {
      while (!dirty && !check_due) co_await changed.Wait();
      if (std::exchange(check_due, false) && !dirty) {
        co_await Check();
        continue;
      }
      dirty = false;
      const MonotonicTime started = world.loop.MonotonicNow();
      services::Table table = tracker.Build();
      health.Set(tracker.HealthChecks());
      if (applied == table) continue;
      auto result = co_await dataplane.Apply(table);
      if (!result.ok()) {
        kLog.Error("sync proxy rules failed, trying again", {{"error", result.error().message}});
        co_await SleepFor(world.loop, retry);
        retry = std::min(retry * 2, kRetryMax);
        applied.reset();
        dirty = true;
        continue;
      }
      sync_seconds.Observe(
          std::chrono::duration<double>(world.loop.MonotonicNow() - started).count());
      applied = std::move(table);
      synced = true;
      retry = kRetryFirst;
    }
  }

  // The dataplane takes one call at a time, so the checks themselves are SyncForever's.
  Task<void> AskForChecks() {
    while (true) {
      co_await SleepFor(world.loop, kCheckInterval);
      check_due = true;
      changed.Notify();
    }
  }

  Task<void> Check() {
    if (!applied) co_return;
    auto intact = co_await dataplane.Intact();
    if (!intact.ok()) {
      kLog.Warn("proxy rules could not be checked", {{"error", intact.error().message}});
      co_return;
    }
    if (*intact) co_return;
    kLog.Warn("proxy rules were changed by others, putting them back");
    restored.Increment();
    applied.reset();
    dirty = true;
  }

  World& world;
  dataplane::Dataplane& dataplane;
  services::Tracker tracker;
  client::Informer services;
  client::Informer slices;
  Notifier changed;
  healthcheck::ServiceHealth health;
  bool dirty = false;
  bool check_due = false;
  bool synced = false;
  std::optional<services::Table>
      applied;  // what the dataplane holds; nothing when that is not known
  telemetry::Histogram sync_seconds = SyncSeconds();
  telemetry::Counter restored = telemetry::DefaultRegistry().CounterAt(
      "wherry_proxy_rules_restored_total", "How often rules that others had changed were put back");
  TaskScope scope;  // last: its tasks use everything above
};

App::App(World& world, client::ApiClient& client, dataplane::Dataplane& dataplane, Options options)
    : impl_(std::make_unique<Impl>(world, client, dataplane, std::move(options))) {}
App::~App() = default;
void App::Start() { impl_->Start(); }
bool App::HasSynced() const { return impl_->synced; }

}  // namespace wherry::proxy
