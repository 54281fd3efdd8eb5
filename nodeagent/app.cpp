#include "nodeagent/app.h"

#include "lib/api/kind_registry.h"
#include "lib/client/event_recorder.h"
#include "lib/client/informer.h"
#include "lib/linux/capabilities.h"
#include "lib/loop/blocking.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/telemetry/log.h"
#include "nodeagent/eviction/image_garbage.h"
#include "nodeagent/eviction/local_storage.h"
#include "nodeagent/eviction/pressure.h"
#include "nodeagent/lifecycle/environment.h"
#include "nodeagent/lifecycle/image_manager.h"
#include "nodeagent/lifecycle/machine_info.h"
#include "nodeagent/lifecycle/node_registration.h"
#include "nodeagent/lifecycle/pod_manager.h"
#include "nodeagent/lifecycle/status_manager.h"
#include "nodeagent/probes/probe_client.h"
#include "nodeagent/probes/prober.h"
#include "nodeagent/stats/collector.h"
#include "nodeagent/streaming/kubelet_api.h"
#include "nodeagent/volumes/mount_calls.h"
#include "nodeagent/volumes/object_cache.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <set>

namespace wherry::nodeagent {

namespace {

namespace core = api::core::v1;
using lifecycle::MachineInfo;

const telemetry::Logger log("kubelet");

constexpr std::chrono::seconds kUsageInterval{10};
constexpr std::chrono::seconds kRetry{1};

// Lowering a process' oom_score_adj takes CAP_SYS_RESOURCE; the containers' own start ignores it.
void WarnOfOomScores() {
  auto held = linux::BoundingCapabilities();
  auto needed = linux::CapabilityBit("SYS_RESOURCE");
  if (!held.ok() || !needed.ok() || (*held & *needed) != 0) return;
  log.Warn("without CAP_SYS_RESOURCE guaranteed pods are not spared when memory runs out");
}

client::ListOptions PodsOf(const std::string& node) {
  client::ListOptions options;
  options.field_selector = "spec.nodeName=" + node;
  return options;
}

}  // namespace

struct App::Impl {
  Impl(World& world_in, client::ApiClient& client_in, runtime::Runtime& runtime_in,
       images::ImageService& images_in, Options options_in, Substitutes substitutes_in)
      : world(world_in),
        client(client_in),
        runtime(runtime_in),
        image_service(images_in),
        options(std::move(options_in)),
        substitutes(std::move(substitutes_in)),
        stats(world, runtime, config, MachineReader()),
        events(world, client, "kubelet", options.node_name),
        pods(world, client, api::KindOf<core::Pod>(), "", PodsOf(options.node_name)),
        services(world, client, api::KindOf<core::Service>()),
        tasks(world.loop) {
    if (substitutes.machine) machine = *substitutes.machine;
    if (!substitutes.probe_http) {
      own_http = probes::MakeProbeClient(world.loop, false);
      substitutes.probe_http = own_http.get();
    }
    if (!substitutes.probe_grpc) {
      own_grpc = probes::MakeProbeClient(world.loop, true);
      substitutes.probe_grpc = own_grpc.get();
    }
    if (!substitutes.probe_tcp) {
      own_tcp = std::make_unique<probes::SocketDialer>(world);
      substitutes.probe_tcp = own_tcp.get();
    }
    if (!substitutes.mounts) substitutes.mounts = volumes::KernelMountCalls();
    if (!options.setup_pod_network) network_ready = true;
  }
  ~Impl() {
    runtime.SetListener(nullptr);
    tasks.Cancel();
  }

  std::function<lifecycle::MachineUsage()> MachineReader() const {
    if (substitutes.usage) return substitutes.usage;
    if (substitutes.machine) return [] { return lifecycle::MachineUsage(); };
    return [directory = options.data_dir] { return lifecycle::ReadMachineUsage(directory); };
  }

  lifecycle::NodeStatusInput Describe() const {
    lifecycle::NodeStatusInput input;
    input.node_name = options.node_name;
    input.node_ip = options.node_ip;
    input.kubelet_port = options.kubelet_port;
    input.machine = machine;
    input.capacity = options.capacity;
    input.images = image_service.ListImages();
    input.pressure = pressure;
    if (!network_ready)
      input.not_ready =
          "container runtime network not ready: NetworkReady=false "
          "reason:NetworkPluginNotReady message:" +
          (network_error.empty() ? std::string("the node has no pod CIDR yet") : network_error);
    input.version = options.version;
    input.runtime_version = "wherry://" + options.runtime_version;
    input.now = world.clock.Now();
    return input;
  }

  lifecycle::NodeFacts Facts() const {
    lifecycle::NodeFacts facts;
    facts.node_name = options.node_name;
    const auto node = registration->node();
    if (node)
      facts.labels.insert(node->metadata().labels().begin(), node->metadata().labels().end());
    else
      facts.labels = lifecycle::NodeLabels(Describe(), options.labels);
    facts.allocatable = config.allocatable;
    facts.allowed_unsafe_sysctls = options.allowed_unsafe_sysctls;
    return facts;
  }

  lifecycle::Environment ServiceVariables(const std::string& ns, bool links) const {
    const client::Lister<core::Service> lister(services);
    return lifecycle::ServiceEnvironment(lister.List(), ns, links);
  }

  Task<void> Run() {
    if (!substitutes.machine) {
      auto read = [directory = options.data_dir] { return lifecycle::ReadMachineInfo(directory); };
      auto reading = world.blocking.Run(world.loop, std::move(read));
      machine = co_await std::move(reading);
      WarnOfOomScores();
    }
    config.node_name = options.node_name;
    config.node_ip = options.node_ip;
    config.pods_directory = options.data_dir + "/pods";
    config.logs_directory = options.data_dir + "/log/pods";
    config.cluster_dns = options.cluster_dns;
    config.cluster_domain = options.cluster_domain;
    config.etc_directory = options.etc_directory;
    config.allocatable = lifecycle::Allocatable(Describe());
    config.memory_capacity_bytes = machine.memory_bytes;

    auto on_pod_cidr = [this](const std::string& cidr) {
      if (!network_ready) tasks.Spawn("set up pod network", SetUpNetwork(cidr));
    };
    registration = std::make_unique<lifecycle::NodeRegistration>(
        world, client,
        lifecycle::NodeRegistration::Options{.labels = options.labels,
                                             .pod_cidr = options.pod_cidr,
                                             .on_pod_cidr = std::move(on_pod_cidr)},
        [this] { return Describe(); });
    registration->Start();

    auto on_object = [this](const std::string& uid) {
      if (manager) manager->WakePod(uid);
    };
    objects = std::make_unique<volumes::ObjectCache>(world, client, std::move(on_object));
    statuses = std::make_unique<lifecycle::StatusManager>(world, client);
    image_manager =
        std::make_unique<lifecycle::ImageManager>(world, image_service, events, *objects);
    prober = std::make_unique<probes::Prober>(
        world, *substitutes.probe_http, *substitutes.probe_grpc, *substitutes.probe_tcp, runtime);
    context = std::make_unique<lifecycle::WorkerContext>(lifecycle::WorkerContext{
        .world = world,
        .runtime = runtime,
        .images = *image_manager,
        .events = events,
        .statuses = *statuses,
        .objects = *objects,
        .mounts = substitutes.mounts,
        .prober = *prober,
        .node = config,
        .services = [this](const std::string& ns,
                           bool links) { return ServiceVariables(ns, links); },
        .network_ready = [this] { return network_ready; }});

    runtime.SetListener([this](const runtime::ContainerEvent& event) {
      if (manager) manager->ContainerEvent(event);
      api->ContainersChanged();
    });
    auto recovering = runtime.Recover();
    auto survivors = co_await std::move(recovering);
    while (!survivors.ok()) {
      log.Error("running pods not recovered, will be retried",
                {{"error", survivors.error().message}});
      co_await SleepFor(world.loop, kRetry);
      auto again = runtime.Recover();
      survivors = co_await std::move(again);
    }
    manager = std::make_unique<lifecycle::PodManager>(*context, pods, [this] { return Facts(); });
    manager->Start(std::move(*survivors));
    services.Start();
    // Containers are not started without the services' variables.
    auto services_synced = services.WaitForSync();
    co_await std::move(services_synced);
    pods.Start();
    auto pods_synced = pods.WaitForSync();
    co_await std::move(pods_synced);
    manager->Synced();
    registration->Changed();
    if (!substitutes.machine || substitutes.usage)
      tasks.Spawn("watch node pressure", WatchPressure());
  }

  Task<void> SetUpNetwork(std::string cidr) {
    while (true) {
      auto setting_up = options.setup_pod_network(cidr);
      auto done = co_await std::move(setting_up);
      if (done.ok()) break;
      network_error = done.error().message;
      log.Error("pod network not set up, will be retried", {{"error", network_error}});
      registration->Changed();
      co_await SleepFor(world.loop, kRetry);
    }
    network_ready = true;
    registration->Changed();
    if (manager) manager->WakeAll();
  }

  void Evict(const core::Pod& pod, std::string message) {
    lifecycle::PodWorker* worker = manager->Worker(pod.metadata().uid());
    if (!worker || !worker->Evict({"Evicted", message})) return;
    events.Event(pod, "Warning", "Evicted", message);
  }

  Task<void> WatchPressure() {
    while (true) {
      std::vector<std::shared_ptr<const core::Pod>> here = manager->Pods();
      std::set<std::string> measured;
      for (const auto& pod : here)
        if (pressure.disk || eviction::HasStorageLimits(*pod))
          measured.insert(pod->metadata().uid());
      auto collecting = stats.Collect(std::move(here), std::move(measured));
      const stats::Sample sample = co_await std::move(collecting);
      for (const auto& pod : sample.pods)
        if (auto why = eviction::ExceededStorageLimit(pod)) Evict(*pod.pod, std::move(*why));
      const lifecycle::Pressure before = pressure;
      pressure = lifecycle::ComputePressure(machine, sample.machine);
      if (pressure != before)
        log.Warn("node pressure changed",
                 {{"memory", pressure.memory}, {"disk", pressure.disk}, {"pid", pressure.pid}});
      auto removing = RemoveUnusedImages(sample.machine.storage_available_bytes);
      const bool freed = co_await std::move(removing);
      // Disks were measured only if the pressure is not new, which gives images a first try too.
      if (pressure.memory || (pressure.disk && before.disk && !freed)) EvictForTheNode(sample);
      registration->Changed();  // images come and go as well
      co_await SleepFor(world.loop, kUsageInterval);
    }
  }

  // One pod at a time: what it frees shows in the next measurement.
  void EvictForTheNode(const stats::Sample& sample) {
    eviction::Shortage shortage{.resource = "ephemeral-storage",
                                .threshold_bytes = machine.storage_bytes / 10,
                                .available_bytes = sample.machine.storage_available_bytes};
    if (pressure.memory)
      shortage = {.resource = "memory",
                  .threshold_bytes = lifecycle::kMemoryKeptBytes,
                  .available_bytes = sample.machine.memory_available_bytes};
    auto victim = eviction::ChooseVictim(sample, shortage);
    if (victim) Evict(*victim->pod, std::move(victim->message));
  }

  // True when some went.
  Task<bool> RemoveUnusedImages(int64_t available_bytes) {
    std::set<std::string> in_use;
    for (const auto& pod : manager->Pods()) {
      auto sandbox = runtime.PodSandboxStatus(pod->metadata().uid());
      if (!sandbox.ok()) continue;
      for (const auto& container : sandbox->containers) in_use.insert(container.image_id);
    }
    const int64_t bytes = eviction::ImageBytesToFree(machine.storage_bytes, available_bytes);
    const std::vector<std::string> chosen =
        image_garbage.Choose(image_service.ListImages(), in_use, bytes, world.clock.Now());
    bool freed = false;
    for (const auto& id : chosen) {
      auto removing = image_service.RemoveImage(id);
      auto removed = co_await std::move(removing);
      if (removed.ok()) {
        log.Info("unused image removed, the disk fills", {{"image", id}});
        freed = true;
      } else {
        log.Warn("unused image not removed", {{"image", id}, {"error", removed.error().message}});
      }
    }
    co_return freed;
  }

  World& world;
  client::ApiClient& client;
  runtime::Runtime& runtime;
  images::ImageService& image_service;
  Options options;
  Substitutes substitutes;
  std::unique_ptr<http::CurlClient> own_http;
  std::unique_ptr<http::CurlClient> own_grpc;
  std::unique_ptr<probes::SocketDialer> own_tcp;

  MachineInfo machine;
  lifecycle::Pressure pressure;
  eviction::ImageGarbage image_garbage;
  bool network_ready = false;
  std::string network_error;
  lifecycle::NodeConfig config;
  stats::Collector stats;
  client::EventRecorder events;
  client::Informer pods;
  client::Informer services;
  std::unique_ptr<lifecycle::NodeRegistration> registration;
  std::unique_ptr<volumes::ObjectCache> objects;
  std::unique_ptr<lifecycle::StatusManager> statuses;
  std::unique_ptr<lifecycle::ImageManager> image_manager;
  std::unique_ptr<probes::Prober> prober;
  std::unique_ptr<lifecycle::WorkerContext> context;
  std::unique_ptr<lifecycle::PodManager> manager;
  std::unique_ptr<streaming::KubeletApi> api;
  TaskScope tasks;
};

App::App(World& world, client::ApiClient& client, runtime::Runtime& runtime,
         images::ImageService& images, Options options, Substitutes substitutes)
    : impl_(std::make_unique<Impl>(world, client, runtime, images, std::move(options),
                                   std::move(substitutes))) {
  impl_->api = std::make_unique<streaming::KubeletApi>(
      world, runtime, impl_->config, impl_->stats,
      [impl = impl_.get()]() -> const MachineInfo& { return impl->machine; },
      [impl = impl_.get()]() -> lifecycle::PodManager* { return impl->manager.get(); });
}

App::~App() = default;

void App::Start() { impl_->tasks.Spawn("node agent", impl_->Run()); }

bool App::HasSynced() const { return impl_->pods.HasSynced(); }

bool App::registered() const { return impl_->registration && impl_->registration->registered(); }

http::Handler& App::handler() { return *impl_->api; }

}  // namespace wherry::nodeagent
