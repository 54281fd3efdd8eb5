#include "nodeagent/lifecycle/pod_manager.h"

#include "lib/linux/file.h"
#include "lib/loop/blocking.h"
#include "lib/telemetry/log.h"
#include "nodeagent/lifecycle/container_config.h"
#include "proto/api/core/v1.pb.h"

#include <fcntl.h>

#include <algorithm>
#include <tuple>

namespace wherry::nodeagent::lifecycle {

namespace {

const telemetry::Logger log("kubelet");

constexpr std::chrono::seconds kOrphanGrace{30};
constexpr std::chrono::seconds kOrphanRetry{5};

// Nothing when there is no such directory. Blocking.
std::vector<std::string> NamesIn(const std::string& directory) {
  std::vector<std::string> names;
  auto listed = linux::ForEachEntry(AT_FDCWD, directory,
                                    [&names](const std::string& name, unsigned char) -> Status {
                                      names.push_back(name);
                                      return Ok();
                                    });
  Ignore(listed, "no directory yet");
  return names;
}

}  // namespace

PodManager::PodManager(WorkerContext& context, client::Informer& pods,
                       std::function<NodeFacts()> node_facts)
    : context_(context),
      pods_(pods),
      node_facts_(std::move(node_facts)),
      tasks_(context.world.loop) {}

PodManager::~PodManager() { tasks_.Cancel(); }

void PodManager::Start(std::vector<runtime::SandboxStatus> survivors) {
  for (auto& sandbox : survivors) {
    const std::string uid = sandbox.config.uid;
    survivors_[uid] = std::move(sandbox);
  }
  client::Informer::Handlers handlers;
  handlers.on_change = [this](const client::MessagePtr&, const client::MessagePtr& object) {
    PodChanged(std::static_pointer_cast<const Pod>(object));
  };
  handlers.on_delete = [this](const client::MessagePtr& object) {
    PodGone(static_cast<const Pod&>(*object));
  };
  pods_.AddHandlers(std::move(handlers));
}

void PodManager::ContainerEvent(const runtime::ContainerEvent& event) {
  if (PodWorker* worker = Worker(event.uid)) worker->ContainerEvent(event);
}

void PodManager::PodChanged(std::shared_ptr<const Pod> pod) {
  const std::string uid = pod->metadata().uid();
  if (!synced_) {
    first_list_[uid] = std::move(pod);
    return;
  }
  if (PodWorker* worker = Worker(uid)) {
    worker->PodChanged(std::move(pod));
    return;
  }
  // A pod of the same name that was deleted unseen: another uid, the old worker winds down.
  for (auto& [other_uid, worker] : workers_)
    if (other_uid != uid && PodKey(worker->pod()) == PodKey(*pod)) worker->PodGone();

  const bool adopted = survivors_.contains(uid);
  std::optional<PodVerdict> verdict;
  if (!adopted && !IsTerminalPhase(pod->status().phase()) && !IsDeleted(*pod)) {
    std::vector<const Pod*> active;
    for (const auto& [other_uid, worker] : workers_)
      if (worker->active()) active.push_back(&worker->pod());
    verdict = Admit(*pod, active, node_facts_());
    if (verdict) context_.events.Event(*pod, "Warning", verdict->reason, verdict->message);
  }
  context_.objects.AddPod(*pod);
  auto worker = std::make_unique<PodWorker>(context_, std::move(pod), std::move(verdict));
  worker->OnDone([this, uid, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    context_.objects.RemovePod(uid);
    workers_.erase(uid);
  });
  worker->Start();
  workers_[uid] = std::move(worker);
}

void PodManager::PodGone(const Pod& pod) {
  first_list_.erase(pod.metadata().uid());
  if (PodWorker* worker = Worker(pod.metadata().uid())) worker->PodGone();
}

void PodManager::AdmitFirstList() {
  synced_ = true;
  std::vector<std::shared_ptr<const Pod>> pods;
  for (auto& [uid, pod] : first_list_) pods.push_back(std::move(pod));
  first_list_.clear();
  auto order = [this](const std::shared_ptr<const Pod>& pod) {
    const auto& meta = pod->metadata();
    return std::tuple(!survivors_.contains(meta.uid()), meta.creationtimestamp().seconds(),
                      PodKey(*pod));
  };
  std::ranges::sort(pods, {}, order);
  for (auto& pod : pods) PodChanged(std::move(pod));
}

void PodManager::Synced() {
  AdmitFirstList();
  for (auto& [uid, sandbox] : survivors_)
    if (!workers_.contains(uid)) tasks_.Spawn("end orphaned pod", EndOrphan(std::move(sandbox)));
  survivors_.clear();
  tasks_.Spawn("remove left pod directories", RemoveLeftDirectories());
}

// All together, as StopAll of a worker does.
Task<void> PodManager::StopContainers(runtime::SandboxStatus sandbox) {
  OneShot<bool> all(context_.world.loop);
  auto left = std::make_shared<size_t>(1);
  TaskScope scope(context_.world.loop);
  auto one = [](runtime::Runtime& runtime, std::string uid, std::string name,
                std::shared_ptr<size_t> count, OneShot<bool> shot) -> Task<void> {
    auto stopped = co_await runtime.StopContainer(uid, name, kOrphanGrace);
    Ignore(stopped, "the sandbox's end takes what is left");
    if (--*count == 0) shot.Set(true);
  };
  for (const auto& container : sandbox.containers) {
    if (container.state != runtime::ContainerState::kRunning) continue;
    ++*left;
    scope.Spawn("stop container",
                one(context_.runtime, sandbox.config.uid, container.name, left, all));
  }
  if (--*left == 0) co_return;
  auto waiting = all.Wait();
  co_await std::move(waiting);
}

Task<void> PodManager::RemoveLogs(std::string name) {
  auto job = [logs = context_.node.logs_directory, name]() -> Status {
    TRY(linux::Fd directory, linux::OpenDirectory(AT_FDCWD, logs));
    return linux::RemoveTree(directory.get(), name);
  };
  auto removing = context_.world.blocking.Run(context_.world.loop, std::move(job));
  auto removed = co_await std::move(removing);
  if (!removed.ok())
    log.Warn("logs of a pod that is gone are left",
             {{"directory", name}, {"error", removed.error().message}});
}

Task<void> PodManager::EndOrphan(runtime::SandboxStatus sandbox) {
  const std::string uid = sandbox.config.uid;
  log.Info("ending a pod that the API server does not know",
           {{"pod", sandbox.config.ns + "/" + sandbox.config.name}, {"uid", uid}});
  auto ending = StopContainers(sandbox);
  co_await std::move(ending);
  while (true) {
    auto stopping = context_.runtime.StopPodSandbox(uid);
    auto ended = co_await std::move(stopping);
    if (ended.ok()) {
      auto removing = context_.runtime.RemovePodSandbox(uid);
      ended = co_await std::move(removing);
    }
    if (ended.ok()) break;
    log.Warn("orphaned pod not removed, will be retried",
             {{"uid", uid}, {"error", ended.error().message}});
    co_await SleepFor(context_.world.loop, kOrphanRetry);
  }
  volumes::PodVolumes volumes(context_.world, context_.mounts, context_.objects,
                              PodDirectory(context_.node, uid));
  auto tearing = volumes.TearDown();
  auto torn = co_await std::move(tearing);
  if (!torn.ok())
    log.Warn("directory of an orphaned pod is left",
             {{"uid", uid}, {"error", torn.error().message}});
  auto cleaning = RemoveLogs(sandbox.config.ns + "_" + sandbox.config.name + "_" + uid);
  co_await std::move(cleaning);
}

Task<void> PodManager::RemoveLeftDirectories() {
  auto list = [pods = context_.node.pods_directory, logs = context_.node.logs_directory] {
    return std::pair(NamesIn(pods), NamesIn(logs));
  };
  auto listing = context_.world.blocking.Run(context_.world.loop, std::move(list));
  const auto [pods, logs] = co_await std::move(listing);
  auto known = [this](const std::string& uid) {
    return workers_.contains(uid) || context_.runtime.PodSandboxStatus(uid).ok();
  };
  for (const auto& uid : pods) {
    if (known(uid)) continue;
    volumes::PodVolumes volumes(context_.world, context_.mounts, context_.objects,
                                PodDirectory(context_.node, uid));
    auto tearing = volumes.TearDown();
    auto torn = co_await std::move(tearing);
    if (!torn.ok())
      log.Warn("directory of a pod that is gone is left",
               {{"uid", uid}, {"error", torn.error().message}});
  }
  for (const auto& name : logs) {
    // <namespace>_<name>_<uid>, see LogDirectoryName.
    if (known(name.substr(name.rfind('_') + 1))) continue;
    auto removing = RemoveLogs(name);
    co_await std::move(removing);
  }
}

void PodManager::WakeAll() {
  for (auto& [uid, worker] : workers_) worker->Wake();
}

void PodManager::WakePod(const std::string& uid) {
  if (PodWorker* worker = Worker(uid)) worker->Wake();
}

std::vector<std::shared_ptr<const Pod>> PodManager::Pods() const {
  std::vector<std::shared_ptr<const Pod>> pods;
  for (const auto& [uid, worker] : workers_) pods.push_back(worker->shared_pod());
  return pods;
}

std::shared_ptr<const Pod> PodManager::Find(const std::string& ns, const std::string& name) const {
  std::shared_ptr<const Pod> found;
  for (const auto& [uid, worker] : workers_) {
    const auto& meta = worker->pod().metadata();
    if (meta.namespace_() != ns || meta.name() != name) continue;
    if (!found ||
        meta.creationtimestamp().seconds() > found->metadata().creationtimestamp().seconds())
      found = worker->shared_pod();
  }
  return found;
}

PodWorker* PodManager::Worker(const std::string& uid) {
  auto found = workers_.find(uid);
  return found == workers_.end() ? nullptr : found->second.get();
}

}  // namespace wherry::nodeagent::lifecycle
