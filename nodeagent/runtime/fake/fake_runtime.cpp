#include "nodeagent/runtime/fake/fake_runtime.h"

#include "lib/loop/sync.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <utility>

namespace wherry::nodeagent::runtime::fake {

struct FakeRuntime::Pod {
  explicit Pod(Loop& owner) : changed(owner) {}
  struct Container {
    ContainerStatus status;
    ContainerConfig config;
    Script script;
    Loop::TimerId timer = 0;
  };
  SandboxStatus sandbox;
  std::vector<Container> containers;
  Notifier changed;
};

FakeRuntime::Node::Node(World& world) : world_(world) {}

FakeRuntime::Node::~Node() {
  for (auto& [uid, pod] : pods_)
    for (auto& container : pod->containers) world_.loop.CancelTimer(container.timer);
}

FakeRuntime::Pod* FakeRuntime::Node::Find(const PodUid& uid) const {
  auto found = pods_.find(uid);
  return found == pods_.end() ? nullptr : found->second.get();
}

void FakeRuntime::Node::Finish(Pod& pod, size_t index, int exit_code, int signal,
                               std::string reason) {
  auto& container = pod.containers[index];
  if (container.status.state == ContainerState::kExited) return;
  world_.loop.CancelTimer(std::exchange(container.timer, 0));
  container.status.state = ContainerState::kExited;
  container.status.finished_at = world_.clock.Now();
  container.status.exit_code = signal != 0 ? 128 + signal : exit_code;
  container.status.signal = signal;
  if (reason.empty()) reason = container.status.exit_code == 0 ? "Completed" : "Error";
  container.status.reason = std::move(reason);
  container.status.pid = 0;
  pod.changed.Notify();
  ContainerEvent event{.uid = pod.sandbox.config.uid, .status = container.status};
  world_.loop.Post([listener = listener_, event] {
    if (listener) listener(event);
  });
}

void FakeRuntime::Node::StartProcess(Pod& pod, size_t index, const Script& script) {
  auto& container = pod.containers[index];
  container.script = script;
  if (script.runs_forever) return;
  auto end = [this, uid = pod.sandbox.config.uid, id = container.status.id, script] {
    Pod* found = Find(uid);
    if (!found) return;
    for (size_t i = 0; i < found->containers.size(); ++i)
      if (found->containers[i].status.id == id)
        Finish(*found, i, script.exit_code, script.signal, script.reason);
  };
  const auto lasts = std::chrono::duration_cast<MonotonicTime::duration>(script.lasts);
  container.timer = world_.loop.RunAt(world_.loop.MonotonicNow() + lasts, std::move(end));
}

void FakeRuntime::Node::ExitContainer(const PodUid& uid, const std::string& name, int exit_code) {
  Pod* pod = Find(uid);
  if (!pod) return;
  for (size_t i = pod->containers.size(); i-- > 0;)
    if (pod->containers[i].status.name == name) return Finish(*pod, i, exit_code, 0, "");
}

void FakeRuntime::Node::KillSandbox(const PodUid& uid) {
  Pod* pod = Find(uid);
  if (!pod) return;
  pod->sandbox.state = SandboxState::kNotReady;
  for (size_t i = 0; i < pod->containers.size(); ++i) Finish(*pod, i, 0, SIGKILL, "Error");
  ContainerEvent event{.uid = uid, .sandbox_died = true};
  world_.loop.Post([listener = listener_, event] {
    if (listener) listener(event);
  });
}

const ContainerConfig* FakeRuntime::Node::ConfigOf(const PodUid& uid,
                                                   const std::string& name) const {
  Pod* pod = Find(uid);
  if (!pod) return nullptr;
  for (size_t i = pod->containers.size(); i-- > 0;)
    if (pod->containers[i].status.name == name) return &pod->containers[i].config;
  return nullptr;
}

size_t FakeRuntime::Node::pods() const { return pods_.size(); }

std::vector<std::string> FakeRuntime::Node::Running() const {
  std::vector<std::string> running;
  for (const auto& [uid, pod] : pods_)
    for (const auto& container : pod->containers)
      if (container.status.state == ContainerState::kRunning)
        running.push_back(uid + "/" + container.status.name + "/" +
                          std::to_string(container.status.attempt));
  return running;
}

FakeRuntime::FakeRuntime(World& world, Node& node) : FakeRuntime(world, node, Options()) {}
FakeRuntime::FakeRuntime(World& world, Node& node, Options options)
    : world_(world), node_(node), options_(std::move(options)) {}
FakeRuntime::~FakeRuntime() { node_.listener_ = nullptr; }

Task<Result<std::vector<SandboxStatus>>> FakeRuntime::Recover() {
  std::vector<SandboxStatus> found;
  for (const auto& [uid, pod] : node_.pods_) {
    auto status = PodSandboxStatus(uid);
    found.push_back(std::move(status).value());
  }
  co_return found;
}

void FakeRuntime::SetListener(std::function<void(const ContainerEvent&)> listener) {
  node_.listener_ = std::move(listener);
}

Task<Result<SandboxStatus>> FakeRuntime::RunPodSandbox(SandboxConfig config) {
  calls_.push_back({"RunPodSandbox", config.uid, ""});
  co_await SleepFor(world_.loop, options_.sandbox_delay);
  if (world_.faults.Fire("runtime.run_pod_sandbox"))
    co_return MakeError(Reason::kInternalError, "create network namespace: injected fault");
  const PodUid uid = config.uid;
  Pod* pod = node_.Find(uid);
  if (!pod) {
    auto made = std::make_unique<Pod>(world_.loop);
    pod = made.get();
    node_.pods_[uid] = std::move(made);
  }
  if (pod->sandbox.state != SandboxState::kReady) {
    pod->sandbox.state = SandboxState::kReady;
    pod->sandbox.created_at = world_.clock.Now();
    if (!config.host_network) {
      pod->sandbox.ips = {options_.pod_cidr_prefix + std::to_string(node_.next_address_)};
      if (++node_.next_address_ > 254) node_.next_address_ = 2;
    }
    pod->sandbox.config = std::move(config);
  }
  co_return PodSandboxStatus(uid);
}

Task<Status> FakeRuntime::StopPodSandbox(PodUid uid) {
  calls_.push_back({"StopPodSandbox", uid, ""});
  co_await SleepFor(world_.loop, options_.stop_delay);
  Pod* pod = node_.Find(uid);
  if (!pod) co_return Ok();
  for (size_t i = 0; i < pod->containers.size(); ++i) node_.Finish(*pod, i, 0, SIGKILL, "Error");
  pod->sandbox.state = SandboxState::kNotReady;
  co_return Ok();
}

Task<Status> FakeRuntime::RemovePodSandbox(PodUid uid) {
  calls_.push_back({"RemovePodSandbox", uid, ""});
  co_await SleepFor(world_.loop, options_.stop_delay);
  Pod* pod = node_.Find(uid);
  if (!pod) co_return Ok();
  for (auto& container : pod->containers) world_.loop.CancelTimer(container.timer);
  node_.pods_.erase(uid);
  co_return Ok();
}

Result<SandboxStatus> FakeRuntime::PodSandboxStatus(const PodUid& uid) const {
  const Pod* pod = node_.Find(uid);
  if (!pod) return MakeError(Reason::kNotFound, "sandbox of pod '" + uid + "' not found");
  SandboxStatus status = pod->sandbox;
  for (const auto& container : pod->containers) status.containers.push_back(container.status);
  return status;
}

Task<Result<ContainerStatus>> FakeRuntime::StartContainer(PodUid uid, ContainerConfig config) {
  calls_.push_back({"StartContainer", uid, config.name});
  co_await SleepFor(world_.loop, options_.start_delay);
  Pod* pod = node_.Find(uid);
  if (!pod || pod->sandbox.state != SandboxState::kReady)
    co_return MakeError(Reason::kNotFound, "sandbox of pod '" + uid + "' is not running");
  for (const auto& container : pod->containers)
    if (container.status.name == config.name && container.status.attempt == config.attempt)
      co_return container.status;
  if (world_.faults.Fire("runtime.start_container"))
    co_return MakeError(Reason::kInternalError, "mount the root file system: injected fault");

  char id[65];
  for (int i = 0; i < 4; ++i)
    std::snprintf(id + i * 16, 17, "%016llx",
                  static_cast<unsigned long long>(world_.random.Next()));
  Pod::Container container;
  container.status.name = config.name;
  container.status.attempt = config.attempt;
  container.status.id = id;
  container.status.image_id = config.image_id;
  container.status.created_at = world_.clock.Now();
  container.status.started_at = world_.clock.Now();
  container.status.state = ContainerState::kRunning;
  container.status.pid = 1000 + static_cast<int>(pod->containers.size());
  const Script script = ParseScript(config.command, config.args);
  container.config = std::move(config);
  pod->containers.push_back(std::move(container));
  const size_t index = pod->containers.size() - 1;
  if (script.cannot_start) {
    pod->containers[index].status.message = "exec: executable file not found in $PATH";
    node_.Finish(*pod, index, 128, 0, "StartError");
    co_return pod->containers[index].status;
  }
  ContainerEvent event{.uid = uid, .status = pod->containers[index].status};
  if (node_.listener_) world_.loop.Post([listener = node_.listener_, event] { listener(event); });
  node_.StartProcess(*pod, index, script);
  co_return pod->containers[index].status;
}

Task<Status> FakeRuntime::StopContainer(PodUid uid, std::string name,
                                        std::chrono::milliseconds grace) {
  calls_.push_back({"StopContainer", uid, name});
  Pod* pod = node_.Find(uid);
  if (!pod) co_return Ok();
  bool running = false;
  bool ignores = false;
  for (const auto& container : pod->containers) {
    if (container.status.name != name || container.status.state == ContainerState::kExited)
      continue;
    running = true;
    ignores = container.script.ignore_term;
  }
  if (!running) co_return Ok();
  if (ignores)
    co_await SleepFor(world_.loop, grace);
  else
    co_await SleepFor(world_.loop, options_.stop_delay);
  pod = node_.Find(uid);
  if (!pod) co_return Ok();
  for (size_t i = 0; i < pod->containers.size(); ++i)
    if (pod->containers[i].status.name == name)
      node_.Finish(*pod, i, 0, ignores ? SIGKILL : SIGTERM, "Error");
  co_return Ok();
}

Task<Status> FakeRuntime::RemoveContainer(PodUid uid, std::string name, int32_t attempt) {
  calls_.push_back({"RemoveContainer", uid, name});
  Pod* pod = node_.Find(uid);
  if (!pod) co_return Ok();
  std::erase_if(pod->containers, [&](const Pod::Container& container) {
    return container.status.name == name && container.status.attempt == attempt &&
           container.status.state == ContainerState::kExited;
  });
  co_return Ok();
}

Task<std::vector<PodUsage>> FakeRuntime::ListPodUsage(std::set<PodUid> disk_of) {
  constexpr uint64_t kMemoryBytes = 8 << 20;
  std::vector<PodUsage> usages;
  for (const auto& [uid, pod] : node_.pods_) {
    PodUsage usage{.uid = uid};
    for (const auto& container : pod->containers) {
      if (container.status.state != ContainerState::kRunning) continue;
      const auto age = world_.clock.Now() - container.status.started_at;
      ContainerUsage one{.name = container.status.name,
                         .id = container.status.id,
                         .started_at = container.status.started_at};
      one.resources.cpu_ns = static_cast<uint64_t>(
          std::chrono::duration_cast<std::chrono::nanoseconds>(age).count() / 10);
      one.resources.memory_usage_bytes = kMemoryBytes;
      one.resources.memory_working_set_bytes = kMemoryBytes;
      usage.resources.cpu_ns += one.resources.cpu_ns;
      usage.resources.memory_usage_bytes += kMemoryBytes;
      usage.resources.memory_working_set_bytes += kMemoryBytes;
      if (disk_of.contains(uid))
        one.writable_layer = linux::DiskUsage{.bytes = node_.disk_[one.name], .inodes = 1};
      usage.containers.push_back(std::move(one));
    }
    usages.push_back(std::move(usage));
  }
  co_return usages;
}

Task<Result<ExecResult>> FakeRuntime::ExecSync(PodUid uid, std::string name,
                                               std::vector<std::string> command,
                                               std::chrono::milliseconds timeout) {
  calls_.push_back({"ExecSync", uid, name});
  co_await SleepFor(world_.loop, std::min<std::chrono::nanoseconds>(options_.start_delay, timeout));
  const std::vector<std::string> running = node_.Running();
  const bool runs = std::any_of(running.begin(), running.end(), [&](const std::string& key) {
    return key.starts_with(uid + "/" + name + "/");
  });
  if (!runs) {
    co_return MakeError(Reason::kNotFound, "container '" + name + "' is not running");
  }
  if (on_exec) co_return on_exec(uid, name, command);
  co_return ExecResult{};
}

}  // namespace wherry::nodeagent::runtime::fake
