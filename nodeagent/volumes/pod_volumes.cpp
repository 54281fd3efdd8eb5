#include "nodeagent/volumes/pod_volumes.h"

#include "lib/api/quantity.h"
#include "lib/linux/file.h"
#include "lib/loop/blocking.h"
#include "nodeagent/volumes/atomic_writer.h"
#include "nodeagent/volumes/host_path.h"
#include "nodeagent/volumes/ownership.h"
#include "nodeagent/volumes/payload.h"
#include "nodeagent/volumes/pod_directory.h"
#include "proto/api/core/v1.pb.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <vector>

namespace wherry::nodeagent::volumes {

namespace {

using api::core::v1::Pod;
using api::core::v1::Volume;

enum class VolumeKind { kEmptyDir, kHostPath, kProjection };

Error SetUpFailed(const std::string& volume, Error error) {
  return std::move(error).Wrap("MountVolume.SetUp failed for volume \"" + volume + "\" ");
}

const char* PluginName(const Volume& volume) {
  const auto& source = volume.volumesource();
  if (source.has_emptydir()) return "kubernetes.io~empty-dir";
  if (source.has_configmap()) return "kubernetes.io~configmap";
  if (source.has_secret()) return "kubernetes.io~secret";
  if (source.has_downwardapi()) return "kubernetes.io~downward-api";
  return "kubernetes.io~projected";
}

bool HasSecretSource(const Volume& volume) {
  const auto& source = volume.volumesource();
  if (source.has_secret()) return true;
  for (const auto& part : source.projected().sources())
    if (part.has_secret() || part.has_serviceaccounttoken()) return true;
  return false;
}

bool InMemory(const Volume& volume) {
  const auto& source = volume.volumesource();
  return (source.has_emptydir() && source.emptydir().medium() == "Memory") ||
         HasSecretSource(volume);
}

// A tmpfs without a size may take half of the machine. Source: kubelet empty_dir.go
// calculateEmptyDirMemorySize.
int64_t MemorySize(const Volume& volume, const DownwardContext& context) {
  const auto node = context.allocatable.find("memory");
  int64_t size = node == context.allocatable.end() ? 0 : node->second;
  if (context.memory_limit_bytes > 0) size = context.memory_limit_bytes;
  const auto& source = volume.volumesource().emptydir();
  const int64_t asked =
      source.has_sizelimit() ? api::Quantity::From(source.sizelimit()).Value() : 0;
  return asked > 0 && (size == 0 || asked < size) ? asked : size;
}

uint64_t Hash(const Payload& payload) {
  uint64_t hash = 1469598103934665603ULL;
  auto mix = [&hash](std::string_view text) {
    hash = (hash ^ std::hash<std::string_view>{}(text)) * 1099511628211ULL;
  };
  for (const auto& [path, file] : payload) {
    mix(path);
    mix(file.data);
    mix(std::to_string(file.mode));
    mix(std::to_string(file.user));
  }
  return hash;
}

Status MarkReady(const std::string& marker) {
  TRY_STATUS(linux::MakeDirs(AT_FDCWD, marker.substr(0, marker.rfind('/')), 0755));
  TRY(const linux::Fd made, linux::OpenAt(AT_FDCWD, marker, O_WRONLY | O_CREAT, 0600));
  return Ok();
}

}  // namespace

std::string EmptyDirPath(const std::string& pod_directory, const std::string& volume) {
  return pod_directory + "/volumes/kubernetes.io~empty-dir/" + volume;
}

struct PodVolumes::Plan {
  std::string name;
  VolumeKind kind = VolumeKind::kEmptyDir;
  std::string path;
  std::string host_path_type;
  bool in_memory = false;
  int64_t size_bytes = 0;
  bool is_new = false;  // to this agent
  // Exists once the volume has its first permissions and ownership. From then on they belong to the
  // containers: another agent finds the volume and changes neither.
  std::string ready_marker;
  int64_t group = -1;
  bool only_on_mismatch = false;
  Payload payload;
  uint64_t hash = 0;
};

PodVolumes::PodVolumes(World& world, std::shared_ptr<MountCalls> mounts,
                       const ObjectSource& objects, std::string pod_directory)
    : world_(world),
      mounts_(std::move(mounts)),
      objects_(objects),
      pod_directory_(std::move(pod_directory)) {}

std::string PodVolumes::PathOf(const std::string& volume) const {
  auto found = paths_.find(volume);
  return found == paths_.end() ? std::string() : found->second;
}

Status PodVolumes::Apply(const Plan& plan, MountCalls& mounts, int64_t stamp) {
  if (plan.kind == VolumeKind::kHostPath) return PrepareHostPath(plan.path, plan.host_path_type);
  bool fresh = false;
  if (plan.is_new) {
    TRY_STATUS(linux::MakeDirs(AT_FDCWD, plan.path, 0755));
    fresh = ::access(plan.ready_marker.c_str(), F_OK) != 0;
    if (plan.in_memory) {
      TRY(const bool mounted, mounts.MountTmpfs(plan.path, plan.size_bytes));
      fresh = fresh || mounted;
    }
  }
  if (fresh && ::chmod(plan.path.c_str(), 0777) != 0)
    return ErrnoError(errno, "chmod '" + plan.path + "'");
  if (plan.kind == VolumeKind::kProjection)
    TRY_STATUS(WritePayload(plan.path, plan.payload, plan.group, stamp));
  if (plan.kind == VolumeKind::kEmptyDir && fresh && plan.group >= 0)
    TRY_STATUS(SetVolumeOwnership(plan.path, plan.group, plan.only_on_mismatch));
  return fresh ? MarkReady(plan.ready_marker) : Ok();
}

Task<Status> PodVolumes::Sync(std::shared_ptr<const Pod> pod, DownwardContext context) {
  std::vector<Plan> plans;
  const auto& security = pod->spec().securitycontext();
  for (const auto& volume : pod->spec().volumes()) {
    Plan plan;
    plan.name = volume.name();
    plan.is_new = !paths_.contains(volume.name());
    plan.group = security.has_fsgroup() ? security.fsgroup() : -1;
    plan.only_on_mismatch = security.fsgroupchangepolicy() == "OnRootMismatch";
    plan.in_memory = InMemory(volume);
    plan.ready_marker = pod_directory_ + "/volumes-ready/" + volume.name();
    plan.path = pod_directory_ + "/volumes/" + PluginName(volume) + "/" + volume.name();
    const auto& source = volume.volumesource();
    if (source.has_hostpath()) {
      if (!plan.is_new) continue;
      plan.kind = VolumeKind::kHostPath;
      plan.path = source.hostpath().path();
      plan.host_path_type = source.hostpath().type();
    } else if (source.has_emptydir()) {
      if (!plan.is_new) continue;
      plan.kind = VolumeKind::kEmptyDir;
      const std::string& medium = source.emptydir().medium();
      if (!medium.empty() && medium != "Memory")
        co_return SetUpFailed(
            volume.name(),
            MakeError(Reason::kInvalid, "storage medium \"" + medium + "\" is not supported"));
      if (plan.in_memory) plan.size_bytes = MemorySize(volume, context);
    } else if (IsProjection(volume)) {
      plan.kind = VolumeKind::kProjection;
      auto payload = ProjectVolume(*pod, volume, context, objects_);
      if (!payload.ok()) co_return SetUpFailed(volume.name(), std::move(payload).error());
      plan.payload = std::move(payload).value();
      plan.hash = Hash(plan.payload);
      auto written = written_.find(volume.name());
      if (written != written_.end() && written->second == plan.hash) continue;
    } else {
      co_return SetUpFailed(volume.name(), MakeError(Reason::kInvalid, "no volume plugin matched"));
    }
    plans.push_back(std::move(plan));
  }
  if (plans.empty()) co_return Ok();

  const int64_t stamp =
      std::chrono::duration_cast<std::chrono::seconds>(world_.clock.Now().time_since_epoch())
          .count();
  auto shared = std::make_shared<const std::vector<Plan>>(std::move(plans));
  // The index of the volume that failed, and why.
  using Outcome = std::pair<size_t, Status>;
  auto job = [shared, stamp, mounts = mounts_]() -> Outcome {
    for (size_t i = 0; i < shared->size(); ++i)
      if (Status applied = Apply((*shared)[i], *mounts, stamp); !applied.ok())
        return {i, std::move(applied)};
    return {shared->size(), Ok()};
  };
  Outcome outcome = co_await world_.blocking.Run(world_.loop, std::move(job));
  for (size_t i = 0; i < outcome.first; ++i) {
    const Plan& plan = (*shared)[i];
    paths_[plan.name] = plan.path;
    if (plan.kind == VolumeKind::kProjection) written_[plan.name] = plan.hash;
  }
  if (!outcome.second.ok())
    co_return SetUpFailed((*shared)[outcome.first].name, std::move(outcome.second).error());
  co_return Ok();
}

Task<Status> PodVolumes::TearDown() {
  auto job = [directory = pod_directory_, mounts = mounts_] {
    return RemovePodDirectory(directory, *mounts);
  };
  paths_.clear();
  written_.clear();
  auto result = co_await world_.blocking.Run(world_.loop, std::move(job));
  co_return result;
}

}  // namespace wherry::nodeagent::volumes
