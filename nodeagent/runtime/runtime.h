#pragma once

#include "lib/base/result.h"
#include "lib/linux/disk_usage.h"
#include "lib/linux/net_dev.h"
#include "lib/loop/loop.h"
#include "lib/loop/task.h"
#include "nodeagent/network/port_mapping.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

// What the node agent asks of a container runtime. Close to CRI (cri-api runtime/v1) so that a CRI
// backend fits later; tests/contract/runtime is the suite that the fake and the native runtime
// pass.
namespace wherry::nodeagent::runtime {

// What identifies a pod on the node: the API object's uid names its sandbox.
using PodUid = std::string;

struct LinuxResources {
  int64_t cpu_shares_milli = 0;    // sum of requests, thousandths of a core; 0 asks for the minimum
  int64_t cpu_limit_milli = 0;     // 0 is unlimited
  int64_t memory_limit_bytes = 0;  // 0 is unlimited
  int64_t pids_limit = 0;          // 0 is unlimited
};

struct SandboxConfig {
  PodUid uid;
  std::string name;
  std::string ns;
  std::string hostname;       // at most 64 bytes
  std::string log_directory;  // absolute; exists
  std::string qos_class;      // "Guaranteed", "Burstable", "BestEffort": picks the parent cgroup
  LinuxResources resources;   // of the pod as a whole
  bool host_network = false;
  bool host_pid = false;
  bool host_ipc = false;
  bool share_process_namespace = false;
  std::map<std::string, std::string> sysctls;
  int64_t fs_group = -1;
  std::vector<network::PortMapping> host_ports;
};

// Which mounts made later show through: none, the node's in the container, or both ways.
enum class MountPropagation { kNone, kHostToContainer, kBidirectional };

struct Mount {
  std::string host_path;  // absolute path on the node (a prepared volume directory or file)
  std::string
      container_path;  // absolute; resolved inside the root file system, symlinks never leave it
  bool read_only = false;
  bool recursive = true;  // bind submounts too
  // What of host_path is mounted, "" all of it. Resolved at the moment of mounting: links that a
  // container may have put there are followed inside host_path, and never out of it.
  std::string sub_path;
  MountPropagation propagation = MountPropagation::kNone;
};

struct SecurityContext {
  int64_t run_as_user = -1;  // -1: as the image says, else 0
  int64_t run_as_group = -1;
  std::string run_as_username;   // from the image when it names its user; looked up in the
                                 // container's /etc/passwd
  bool run_as_non_root = false;  // refuse to start as uid 0
  std::vector<int64_t> supplemental_groups;
  bool privileged = false;
  bool read_only_root_filesystem = false;
  bool allow_privilege_escalation = true;     // false sets no_new_privs
  std::vector<std::string> add_capabilities;  // "NET_ADMIN", "ALL"
  std::vector<std::string> drop_capabilities;
  std::string seccomp_profile =
      "RuntimeDefault";                   // "RuntimeDefault", "Unconfined", or an absolute path
  std::vector<std::string> masked_paths;  // filled with the defaults by the caller unless unmasked
  std::vector<std::string> readonly_paths;
};

struct ContainerConfig {
  std::string name;
  int32_t attempt = 0;               // restart count: a container is (pod uid, name, attempt)
  std::string image_id;              // "sha256:..." in the image store
  std::vector<std::string> command;  // replaces the image's ENTRYPOINT when not empty
  std::vector<std::string>
      args;  // replaces the image's CMD when not empty, or when command is given
  std::vector<std::pair<std::string, std::string>> env;  // over the image's
  std::string working_dir;                               // "" is the image's
  std::vector<Mount> mounts;
  LinuxResources resources;
  SecurityContext security;
  int32_t oom_score_adj = 0;  // of its processes; 0 leaves them as they are
  std::string log_path;       // absolute; CRI log format
  bool stdin_open = false;
  bool stdin_once = false;
  bool tty = false;
  std::string
      termination_message_path;  // host path of the file bound at terminationMessagePath; "" none
};

enum class ContainerState { kCreated, kRunning, kExited };

struct ContainerStatus {
  std::string name;
  int32_t attempt = 0;
  std::string id;  // 64 hex digits
  std::string image_id;
  ContainerState state = ContainerState::kCreated;
  int pid = 0;  // on the host while running
  WallTime created_at;
  WallTime started_at;
  WallTime finished_at;
  int exit_code = 0;  // 128 + signal when killed
  int signal = 0;
  std::string reason;  // "Completed", "Error", "OOMKilled", "ContainerCannotRun", "StartError"
  std::string message;
};

enum class SandboxState { kReady, kNotReady };

struct SandboxStatus {
  SandboxConfig config;
  SandboxState state = SandboxState::kNotReady;
  std::vector<std::string> ips;  // primary first; empty with host_network
  WallTime created_at;
  std::vector<ContainerStatus> containers;  // every attempt that has not been removed
};

// What a group of processes has used since it was made, and uses now.
struct ResourceUsage {
  uint64_t cpu_ns = 0;
  uint64_t memory_usage_bytes = 0;
  uint64_t memory_working_set_bytes = 0;  // usage less inactive file pages
  uint64_t memory_rss_bytes = 0;
  uint64_t page_faults = 0;
  uint64_t major_page_faults = 0;
  uint64_t processes = 0;
};
struct ContainerUsage {
  std::string name;
  std::string id;
  WallTime started_at;
  ResourceUsage resources;
  std::optional<linux::DiskUsage> writable_layer;
};
struct PodUsage {
  PodUid uid;
  ResourceUsage resources;  // of all that is in the pod
  // But loopback; none in the node's network.
  std::vector<linux::InterfaceCounters> interfaces;
  std::vector<ContainerUsage> containers;  // that run
};

struct ExecResult {
  int exit_code = 0;
  std::string output;  // stdout and stderr in order, at most 64 KiB kept
};

struct ExecOptions {
  std::vector<std::string> command;
  bool with_stdin = false;
  bool tty = false;  // a terminal for all three streams; its output is stdout
};

// A command that runs in a container, with its streams. Loop thread; one reader per stream.
// Destroying it kills the command.
class ExecSession {
 public:
  virtual ~ExecSession() = default;
  // Some output as it comes, "" at the end.
  virtual Task<Result<std::string>> ReadStdout() = 0;
  virtual Task<Result<std::string>> ReadStderr() = 0;
  // Returns when all bytes are taken. Errors: kGone when nobody reads any more.
  virtual Task<Status> WriteStdin(std::string bytes) = 0;
  virtual void CloseStdin() = 0;
  virtual void Resize(uint16_t columns, uint16_t rows) = 0;
  // The exit code, 128 + signal when killed. Errors: kInternalError when it could not be started.
  virtual Task<Result<int>> Wait() = 0;
};

// A TCP connection to a port of a pod. Loop thread; one reader and one writer at a time.
class PodConnection {
 public:
  virtual ~PodConnection() = default;
  // Some bytes, "" at the end.
  virtual Task<Result<std::string>> Read() = 0;
  // Returns when all bytes are taken. Errors: kServiceUnavailable when the connection is over.
  virtual Task<Status> Write(std::string bytes) = 0;
  // Says that no more will be written.
  virtual void CloseWrite() = 0;
};

// What changed, told once per change as it happens (no relisting).
struct ContainerEvent {
  PodUid uid;
  ContainerStatus status;     // started or exited
  bool sandbox_died = false;  // the supervisor itself is gone; all its containers are dead
};

// Loop thread. Calls on one pod are made one after another by its pod worker; calls on different
// pods overlap. Every call may be repeated: starting what runs and removing what is gone succeed.
class Runtime {
 public:
  virtual ~Runtime() = default;

  // Finds what survived from an earlier run of the agent (running pods are adopted untouched).
  // Once, first.
  virtual Task<Result<std::vector<SandboxStatus>>> Recover() = 0;
  // Called on the loop for every container that starts or exits, exits during the agent's absence
  // included.
  virtual void SetListener(std::function<void(const ContainerEvent&)> listener) = 0;

  // Namespaces, network and cgroup of a pod. Errors name the step that failed; nothing is left
  // behind then.
  virtual Task<Result<SandboxStatus>> RunPodSandbox(SandboxConfig config) = 0;
  // Kills what still runs and takes down the network; statuses and logs stay.
  virtual Task<Status> StopPodSandbox(PodUid uid) = 0;
  // Removes everything of the pod from the kernel and the runtime's directory (not its log
  // directory).
  virtual Task<Status> RemovePodSandbox(PodUid uid) = 0;
  virtual Result<SandboxStatus> PodSandboxStatus(const PodUid& uid) const = 0;

  // Creates and starts. Errors: kInvalid when the configuration cannot run
  // ("CreateContainerConfigError" for the caller), kInternalError when a step failed; an executable
  // that cannot be started is an exited container (128 "StartError"/"ContainerCannotRun"), not an
  // error.
  virtual Task<Result<ContainerStatus>> StartContainer(PodUid uid, ContainerConfig config) = 0;
  // The stop signal (SIGTERM or the image's), then SIGKILL after `grace`; returns when the
  // container is dead.
  virtual Task<Status> StopContainer(PodUid uid, std::string name,
                                     std::chrono::milliseconds grace) = 0;
  // Forgets a dead attempt and its writable layer.
  virtual Task<Status> RemoveContainer(PodUid uid, std::string name, int32_t attempt) = 0;

  // What every ready pod uses; one that ends meanwhile is left out. Of the pods `disk_of` the
  // containers' writable layers are walked as well, which may take seconds. Nothing from a runtime
  // that measures nothing.
  virtual Task<std::vector<PodUsage>> ListPodUsage(std::set<PodUid> /*disk_of*/) {
    co_return std::vector<PodUsage>();
  }

  // Runs a command in a running container. Errors: kNotFound, kTimeout (the command is killed).
  virtual Task<Result<ExecResult>> ExecSync(PodUid uid, std::string name,
                                            std::vector<std::string> command,
                                            std::chrono::milliseconds timeout) = 0;
  // Starts a command in a running container. Errors: kNotFound; kMethodNotAllowed when the runtime
  // has no streams.
  virtual Task<Result<std::unique_ptr<ExecSession>>> Exec(PodUid /*uid*/, std::string /*name*/,
                                                          ExecOptions /*options*/) {
    co_return MakeError(Reason::kMethodNotAllowed, "this runtime has no streams for commands");
  }
  // The streams of a running container from now on, its input if it has one. The session ends with
  // the container, with exit code 0; destroying it leaves the container alone, but with stdinOnce
  // closes its input. A client that does not read holds the container's output up. Errors:
  // kNotFound, kMethodNotAllowed.
  virtual Task<Result<std::unique_ptr<ExecSession>>> Attach(PodUid /*uid*/, std::string /*name*/) {
    co_return MakeError(Reason::kMethodNotAllowed, "this runtime has no streams of containers");
  }
  // To a port of the pod's own loopback addresses, IPv4 first. Errors: kNotFound when there is no
  // such pod, kServiceUnavailable when nobody listens there, kMethodNotAllowed.
  virtual Task<Result<std::unique_ptr<PodConnection>>> Connect(PodUid /*uid*/, uint16_t /*port*/) {
    co_return MakeError(Reason::kMethodNotAllowed, "this runtime has no connections to pods");
  }
};

}  // namespace wherry::nodeagent::runtime
