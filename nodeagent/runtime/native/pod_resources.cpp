#include "nodeagent/runtime/native/pod_resources.h"

#include "lib/linux/file.h"
#include "lib/linux/mount.h"
#include "lib/linux/socket.h"
#include "lib/telemetry/log.h"
#include "nodeagent/init/supervisor_name.h"

#include <algorithm>
#include <csignal>
#include <functional>
#include <set>

namespace wherry::nodeagent::runtime::native {
namespace {

using linux::Fd;

const telemetry::Logger kLog("runtime");

constexpr const char* kSocket = "sock";
// v2 forbids processes beside groups; supervisors have a group of their own.
constexpr const char* kSupervisors = "supervisors";

linux::CgroupLimits LimitsOf(const LinuxResources& resources) {
  return {.cpu_shares_milli = resources.cpu_shares_milli,
          .cpu_limit_milli = resources.cpu_limit_milli,
          .memory_limit_bytes = resources.memory_limit_bytes,
          .pids_limit = resources.pids_limit};
}

// Only what a namespace of the pod holds. Source: kubelet sysctl/namespace.go.
Status CheckSysctls(const SandboxConfig& config) {
  for (const auto& [name, value] : config.sysctls) {
    bool ipc = name.starts_with("kernel.shm") || name.starts_with("kernel.msg") ||
               name == "kernel.sem" || name.starts_with("fs.mqueue.");
    bool net = name.starts_with("net.");
    bool clean = name.find('/') == std::string::npos && name.find("..") == std::string::npos;
    if (!clean || (!ipc && !net)) {
      return MakeError(Reason::kInvalid, "sysctl \"" + name + "\" is not in a separate namespace");
    }
    if ((ipc && config.host_ipc) || (net && config.host_network)) {
      return MakeError(Reason::kInvalid,
                       "sysctl \"" + name + "\" not allowed with host namespaces");
    }
  }
  return Ok();
}

network::HostPortTable HostPortsOf(const std::vector<PodResources::RecoveredPod>& pods) {
  network::HostPortTable table;
  for (const auto& pod : pods) {
    const SandboxRecord& record = pod.record;
    if (record.config.host_ports.empty() || record.ips.empty()) continue;
    auto ip = linux::ParseIpv4(record.ips.front());
    if (ip.ok()) table[record.config.uid] = {.ip = *ip, .ports = record.config.host_ports};
  }
  return table;
}

// The process at the other end, invalid when that cannot be said for sure.
linux::Pidfd SupervisorBehind(const Fd& connection) {
  auto pid = linux::PeerPid(connection.get());
  if (!pid.ok()) return {};
  auto pidfd = linux::Pidfd::Open(*pid);
  if (!pidfd.ok()) return {};
  // The number may be another process' by now, in theory. It is looked at while `pidfd` holds it.
  auto name = linux::ReadFile(AT_FDCWD, "/proc/" + std::to_string(*pid) + "/comm");
  if (!name.ok() || *name != std::string(init::kSupervisorName) + "\n") return {};
  return std::move(*pidfd);
}

init::NetworkSpec NetworkSpecOf(const network::PodAttachment& attachment) {
  return {.mode = static_cast<uint8_t>(init::NetworkMode::kBridge),
          .bridge_index = attachment.bridge_index,
          .host_interface = attachment.host_interface,
          .address = attachment.address.ToString(),
          .gateway = attachment.gateway.ToString(),
          .mac = std::string(attachment.mac.begin(), attachment.mac.end()),
          .mtu = attachment.mtu};
}

// What one pod left behind must not keep the others from being recovered.
void WarnIfFailed(const Status& cleaned, const std::string& owner) {
  if (cleaned.ok()) return;
  kLog.Warn("recovery goes on without", {{"owner", owner}, {"error", cleaned.error().message}});
}

}  // namespace

PodResources::PodResources(Fd pods, std::string scratch, const Options& options,
                           linux::CgroupHierarchy hierarchy, std::unique_ptr<QosGroups> groups,
                           SpareRoots spares, const images::ImageStore& store,
                           network::PodNetwork* network)
    : pods_(std::move(pods)),
      scratch_(std::move(scratch)),
      options_(options),
      hierarchy_(std::move(hierarchy)),
      groups_(std::move(groups)),
      spares_(std::move(spares)),
      store_(store),
      network_(network) {}

Result<std::unique_ptr<PodResources>> PodResources::Open(const Options& options,
                                                         const images::ImageStore& store,
                                                         network::PodNetwork* network) {
  std::string pods_path = options.state_directory + "/pods";
  std::string scratch = options.state_directory + "/scratch";
  TRY_STATUS(linux::MakeDirs(AT_FDCWD, pods_path, 0700));
  TRY_STATUS(linux::MakeDirs(AT_FDCWD, scratch, 0700));
  TRY_STATUS(linux::ClearScratch(scratch));
  TRY(Fd pods, linux::OpenAt(AT_FDCWD, pods_path, O_RDONLY | O_DIRECTORY));
  TRY(linux::CgroupHierarchy hierarchy, linux::CgroupHierarchy::Detect());
  TRY(SpareRoots spares, SpareRoots::Open(options.state_directory, scratch, store));
  Options own = options;
  if (!own.cgroup_parent.empty()) own.cgroup_parent += "/";
  TRY(auto groups, QosGroups::Open(hierarchy, own.cgroup_parent + "kubepods"));
  TRY_STATUS(hierarchy.Create(own.cgroup_parent + kSupervisors, false));
  return std::unique_ptr<PodResources>(new PodResources(std::move(pods), std::move(scratch), own,
                                                        std::move(hierarchy), std::move(groups),
                                                        std::move(spares), store, network));
}

Result<PodResources::PreparedSandbox> PodResources::PrepareSandbox(const SandboxConfig& config,
                                                                   WallTime now) const {
  TRY_STATUS(CheckName(config.uid, "pod uid"));
  TRY_STATUS(CheckSysctls(config));
  if (config.hostname.size() > 64) {
    return MakeError(Reason::kInvalid,
                     "hostname '" + config.hostname + "' is longer than 64 bytes");
  }
  PreparedSandbox prepared;
  prepared.record = {.config = config, .created_at = now, .cgroup_path = groups_->PathOf(config)};
  auto filled = FillSandbox(config, prepared);
  if (!filled.ok()) {
    Ignore(ReleaseSandbox(config.uid, prepared.record.cgroup_path), "the first error counts");
    return std::move(filled).error();
  }
  return prepared;
}

Status PodResources::FillSandbox(const SandboxConfig& config, PreparedSandbox& prepared) const {
  TRY(PodDirectory directory, PodDirectory::Make(pods_.get(), config.uid));
  TRY(linux::Cgroup cgroup, hierarchy_.Create(prepared.record.cgroup_path, true));
  linux::CgroupLimits limits = LimitsOf(config.resources);
  if (limits.pids_limit <= 0) limits.pids_limit = options_.pod_pids_max;
  TRY_STATUS(cgroup.SetLimits(limits));
  TRY_STATUS(groups_->Add(config));

  init::StartSupervisor& request = prepared.request;
  request.uid = config.uid;
  request.hostname = config.hostname;
  request.host_network = config.host_network;
  request.host_pid = config.host_pid;
  request.host_ipc = config.host_ipc;
  request.share_process_namespace = config.share_process_namespace;
  request.sysctls.assign(config.sysctls.begin(), config.sysctls.end());
  if (config.host_network) {
    request.network.mode = static_cast<uint8_t>(init::NetworkMode::kHost);
  } else if (network_ == nullptr) {
    request.network.mode = static_cast<uint8_t>(init::NetworkMode::kIsolated);
  } else {
    TRY(network::PodAttachment attachment, network_->Attach(config.uid, config.host_ports));
    request.network = NetworkSpecOf(attachment);
    prepared.record.ips = {attachment.address.address.ToString()};
  }

  TRY_STATUS(directory.SaveSandbox(prepared.record));
  TRY(Fd listener, linux::ListenUnix(directory.fd(), kSocket));
  TRY(auto pair, linux::StreamSocketPair(true));
  if (::fcntl(pair.second.get(), F_SETFL, O_NONBLOCK) != 0) return ErrnoError(errno, "fcntl");
  TRY(Fd state, linux::OpenAt(directory.fd(), ".", O_RDONLY | O_DIRECTORY));
  prepared.connection = std::move(pair.first);
  prepared.fds.push_back(std::move(pair.second));
  prepared.fds.push_back(std::move(listener));
  prepared.fds.push_back(std::move(state));

  TRY(linux::Cgroup supervisors, hierarchy_.Create(options_.cgroup_parent + kSupervisors, false));
  TRY(linux::CgroupEntrance entrance, supervisors.OpenEntrance());
  request.has_unified = entrance.unified.valid();
  request.tasks_count = entrance.tasks.size();
  if (entrance.unified.valid()) prepared.fds.push_back(std::move(entrance.unified));
  for (Fd& tasks : entrance.tasks) prepared.fds.push_back(std::move(tasks));
  return Ok();
}

Status PodResources::ReleaseSandbox(const PodUid& uid, const std::string& cgroup_path) const {
  TRY(linux::Cgroup cgroup, hierarchy_.Open(cgroup_path));
  TRY_STATUS(cgroup.Kill());
  TRY_STATUS(cgroup.Remove());
  TRY_STATUS(groups_->Remove(uid));
  // Last: while a process of the pod could still use the address, nobody else may get it.
  return network_ == nullptr ? Ok() : network_->Detach(uid);
}

Status PodResources::RemovePod(const PodUid& uid) const {
  if (auto directory = PodDirectory::Open(pods_.get(), uid); directory.ok()) {
    TRY(auto containers, directory->LoadContainers());
    for (const CreatedRecord& created : containers) TRY_STATUS(store_.Release(created.id));
  }
  return PodDirectory::Remove(pods_.get(), uid);
}

Result<ContainerPlan> PodResources::PrepareContainer(const SandboxRecord& sandbox,
                                                     const ContainerConfig& config,
                                                     const CreatedRecord& created,
                                                     std::shared_ptr<SpareRoot> spare) const {
  TRY_STATUS(CheckName(config.name, "container name"));
  TRY(images::StoredImage image, store_.Find(config.image_id));
  TRY(PodDirectory pod, PodDirectory::Open(pods_.get(), sandbox.config.uid));
  std::function<Status(int, const std::string&)> move_in;
  if (spare != nullptr) {
    CHECK(spare->image_id == config.image_id);
    move_in = [&](int to, const std::string& name) { return spares_.MoveTo(*spare, to, name); };
  }
  // The lease comes after the record that takes it back, and before the spare's own goes.
  TRY(Fd directory, pod.MakeContainer(created, move_in));
  TRY_STATUS(store_.Lease(created.id, image));
  Fd root;
  if (spare != nullptr) {
    TRY_STATUS(spares_.Forget(*spare));
    root = std::move(spare->mount);
  } else {
    TRY(root, MakeContainerRoot(store_, image, directory.get(), scratch_));
  }
  TRY(linux::Cgroup cgroup, hierarchy_.Create(sandbox.cgroup_path + "/" + created.id, false));
  linux::CgroupLimits limits = LimitsOf(config.resources);
  limits.oom_kills_all = true;
  TRY_STATUS(cgroup.SetLimits(limits));
  ContainerPlanInput input{.config = config,
                           .sandbox = sandbox.config,
                           .image = image,
                           .cgroup = cgroup,
                           .hierarchy = hierarchy_,
                           .root = root,
                           .id = created.id};
  return PlanContainer(input);
}

Status PodResources::ReleaseContainer(const SandboxRecord& sandbox,
                                      const CreatedRecord& created) const {
  TRY(linux::Cgroup cgroup, hierarchy_.Open(sandbox.cgroup_path + "/" + created.id));
  TRY_STATUS(cgroup.Kill());
  TRY_STATUS(cgroup.Remove());
  TRY_STATUS(store_.Release(created.id));
  auto pod = PodDirectory::Open(pods_.get(), sandbox.config.uid);
  if (!pod.ok() && pod.error().reason == Reason::kNotFound) return Ok();
  if (!pod.ok()) return std::move(pod).error();
  return pod->RemoveContainer(created.name, created.attempt);
}

Result<std::vector<PodResources::RecoveredPod>> PodResources::RecoverPods() const {
  std::vector<RecoveredPod> pods;
  std::set<std::string> leases;
  std::vector<std::string> broken;
  int fd = pods_.get();
  TRY_STATUS(linux::ForEachEntry(fd, ".", [&](const std::string& uid, unsigned char) -> Status {
    auto directory = PodDirectory::Open(fd, uid);
    auto record =
        directory.ok() ? directory->LoadSandbox() : Result<SandboxRecord>(directory.error());
    auto containers = directory.ok() ? directory->LoadContainers()
                                     : Result<std::vector<CreatedRecord>>(directory.error());
    if (!record.ok() || !containers.ok()) {
      broken.push_back(uid);  // a crash while it was made, or a disk that lost it
      return Ok();
    }
    RecoveredPod pod{.record = std::move(*record), .containers = std::move(*containers)};
    for (const CreatedRecord& created : pod.containers) {
      leases.insert(created.id);
      auto exit = directory->LoadExit(created.name, created.attempt);
      pod.exits.push_back(exit.ok() ? std::optional(std::move(*exit)) : std::nullopt);
    }
    if (auto socket = linux::ConnectUnix(directory->fd(), kSocket); socket.ok()) {
      pod.connection = std::move(*socket);
      pod.supervisor = SupervisorBehind(pod.connection);
    }
    WarnIfFailed(groups_->Add(pod.record.config), uid);
    pods.push_back(std::move(pod));
    return Ok();
  }));
  for (const std::string& uid : broken) {
    // Nothing is known of its containers, so that they end with the supervisor.
    if (auto directory = PodDirectory::Open(fd, uid); directory.ok()) {
      auto socket = linux::ConnectUnix(directory->fd(), kSocket);
      linux::Pidfd supervisor = socket.ok() ? SupervisorBehind(*socket) : linux::Pidfd();
      if (supervisor.valid()) Ignore(supervisor.Signal(SIGKILL), "it may have ended");
    }
    WarnIfFailed(PodDirectory::Remove(fd, uid), uid);
  }
  WarnIfFailed(ReleaseLeases(leases), "leases");
  if (network_ != nullptr) {
    WarnIfFailed(ReleaseAddresses(pods), "addresses");
    WarnIfFailed(network_->RestoreHostPorts(HostPortsOf(pods)), "host ports");
  }
  return pods;
}

Status PodResources::ReleaseLeases(const std::set<std::string>& kept) const {
  TRY(auto owners, store_.LeaseOwners());
  for (const std::string& owner : owners) {
    if (!kept.contains(owner)) WarnIfFailed(store_.Release(owner), owner);
  }
  return Ok();
}

Status PodResources::ReleaseAddresses(const std::vector<RecoveredPod>& kept) const {
  TRY(auto holders, network_->Owners());
  for (const std::string& uid : holders) {
    auto same = [&](const RecoveredPod& pod) { return pod.record.config.uid == uid; };
    if (std::ranges::none_of(kept, same)) WarnIfFailed(network_->Detach(uid), uid);
  }
  return Ok();
}

int PodResources::StopSignal(const std::string& image_id) const {
  auto image = store_.Find(image_id);
  return image.ok() ? ParseSignal(image->image.config.stop_signal) : SIGTERM;
}

}  // namespace wherry::nodeagent::runtime::native
