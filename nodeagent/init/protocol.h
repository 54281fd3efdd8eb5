#pragma once

#include "lib/base/result.h"
#include "nodeagent/init/wire.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

// What the agent says to the launcher and to a pod's supervisor, and what they answer.
//
// A message is a frame (frames.h) whose body is a MessageType followed by the struct of that name,
// with descriptors beside it. A supervisor may be older than the agent that talks to it:
// kProtocolVersion changes with every struct, and an agent that meets another version leaves the
// pod alone and stops it when it has to.
namespace wherry::nodeagent::init {

inline constexpr uint64_t kProtocolVersion = 2;

enum class MessageType : uint8_t {
  // To the launcher.
  kStartSupervisor = 1,  // StartSupervisor; fds: see there
  // From the launcher.
  kSupervisorStarted,  // SupervisorStarted; fd: pidfd
  // To a supervisor.
  kStartContainer = 16,  // StartContainer; fds: see there
  kSignalContainer,      // SignalContainer
  kForgetContainer,      // ForgetContainer
  kExec,                 // Exec; fds: stdin, stdout, stderr; none with a terminal
  kKillExec,             // KillExec
  kShutdown,             // Shutdown: kills everything and ends
  kAttach,               // Attach
  kCloseInput,           // CloseInput
  kOpenSocket,           // OpenSocket; answered by Done; fd: the socket
  // From a supervisor.
  kSnapshot = 32,     // Snapshot, first on every connection
  kContainerStarted,  // ContainerStarted
  kDone,              // Done
  kContainerExited,   // ContainerRecord
  kExecExited,        // ExecExited
  kExecTerminal,      // ExecTerminal; fd: the master side
  kAttached,          // Attached; fds: see there
};

enum class NetworkMode : uint8_t { kHost = 0, kIsolated = 1, kBridge = 2 };

struct NetworkSpec {
  uint8_t mode = 0;      // NetworkMode
  int bridge_index = 0;  // kBridge: everything below
  std::string host_interface;
  std::string address;  // "10.244.1.5/24"
  std::string gateway;  // "10.244.1.1"
  std::string mac;      // six bytes
  int mtu = 1500;
};
template <typename A>
void Fields(A& a, NetworkSpec& v) {
  a(v.mode, v.bridge_index, v.host_interface, v.address, v.gateway, v.mac, v.mtu);
}

// fds: control socket, listening socket, state directory, and the cgroup that supervisors live in:
// v2 if has_unified, tasks_count v1 "tasks" files.
struct StartSupervisor {
  uint64_t sequence = 0;
  std::string uid;
  std::string hostname;
  bool host_network = false;
  bool host_pid = false;
  bool host_ipc = false;
  bool share_process_namespace = false;
  std::vector<std::pair<std::string, std::string>> sysctls;
  NetworkSpec network;
  bool has_unified = false;
  uint64_t tasks_count = 0;
};
template <typename A>
void Fields(A& a, StartSupervisor& v) {
  a(v.sequence, v.uid, v.hostname, v.host_network, v.host_pid, v.host_ipc,
    v.share_process_namespace, v.sysctls, v.network, v.has_unified, v.tasks_count);
}

struct SupervisorStarted {
  uint64_t sequence = 0;
  int pid = 0;
  std::string error;
};
template <typename A>
void Fields(A& a, SupervisorStarted& v) {
  a(v.sequence, v.pid, v.error);
}

struct DeviceNode {
  std::string path;     // below /dev
  uint32_t mode = 0;    // with S_IFCHR or S_IFBLK
  uint64_t number = 0;  // dev_t
  uint32_t uid = 0;
  uint32_t gid = 0;
};
template <typename A>
void Fields(A& a, DeviceNode& v) {
  a(v.path, v.mode, v.number, v.uid, v.gid);
}

// A mount whose detached tree travels as a descriptor.
struct MountTarget {
  std::string container_path;
  bool is_directory = true;
};
template <typename A>
void Fields(A& a, MountTarget& v) {
  a(v.container_path, v.is_directory);
}

// What may be done by the container's process and by those that enter it later.
struct Privileges {
  int64_t uid = -1;  // -1: as `user` says
  int64_t gid = -1;  // -1: the user's primary group
  std::string user;  // the image's "user[:group]", names or numbers; used when uid is -1
  std::vector<int64_t> supplemental_groups;
  bool run_as_non_root = false;
  uint64_t capabilities = 0;  // bounding set
  bool no_new_privs = false;
  bool default_seccomp = true;
};
template <typename A>
void Fields(A& a, Privileges& v) {
  a(v.uid, v.gid, v.user, v.supplemental_groups, v.run_as_non_root, v.capabilities, v.no_new_privs,
    v.default_seccomp);
}

struct ContainerSpec {
  std::string name;
  int32_t attempt = 0;
  std::string id;
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  std::string working_directory;
  Privileges privileges;
  bool privileged = false;  // writable /sys and cgroups, `devices`
  bool read_only_root = false;
  bool tty = false;
  bool stdin_open = false;
  bool stdin_once = false;
  int32_t oom_score_adj = 0;
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;
  std::vector<MountTarget> mounts;
  std::vector<DeviceNode> devices;
  // File systems for /sys/fs/cgroup: {"memory", "memory"} mounts v1's memory at memory/; one entry
  // {"", ""} is v2 alone.
  std::vector<std::pair<std::string, std::string>> cgroup_mounts;
  std::string log_name;  // in the log directory; "" keeps no log
  int64_t log_bytes_max = 10 * 1024 * 1024;
  int32_t log_files_max = 5;
  // Which optional descriptors came along.
  bool has_unified = false;
  uint64_t tasks_count = 0;
  bool has_oom_events = false;
};
template <typename A>
void Fields(A& a, ContainerSpec& v) {
  a(v.name, v.attempt, v.id, v.arguments, v.environment, v.working_directory, v.privileges,
    v.privileged, v.read_only_root, v.tty, v.stdin_open, v.stdin_once, v.oom_score_adj,
    v.masked_paths, v.readonly_paths, v.mounts, v.devices, v.cgroup_mounts, v.log_name,
    v.log_bytes_max, v.log_files_max, v.has_unified, v.tasks_count, v.has_oom_events);
}

// fds: root file system (detached mount), log directory, the v2 cgroup if has_unified, tasks_count
// v1 "tasks" files, the out-of-memory counter if has_oom_events, one detached mount per `mounts`.
struct StartContainer {
  uint64_t sequence = 0;
  ContainerSpec spec;
};
template <typename A>
void Fields(A& a, StartContainer& v) {
  a(v.sequence, v.spec);
}

enum class RecordState : uint8_t { kRunning = 1, kExited = 2 };

// What a supervisor knows about a container; also the content of its exit record on disk.
struct ContainerRecord {
  std::string name;
  int32_t attempt = 0;
  std::string id;
  uint8_t state = 1;  // RecordState
  int pid = 0;
  int64_t started_at_ns = 0;  // since the epoch
  int64_t finished_at_ns = 0;
  int exit_code = 0;
  int signal = 0;
  std::string reason;
  std::string message;
};
template <typename A>
void Fields(A& a, ContainerRecord& v) {
  a(v.name, v.attempt, v.id, v.state, v.pid, v.started_at_ns, v.finished_at_ns, v.exit_code,
    v.signal, v.reason, v.message);
}

struct ContainerStarted {
  uint64_t sequence = 0;
  bool ok = false;
  bool invalid = false;  // with !ok: the configuration can never run
  std::string error;
  ContainerRecord record;  // with ok; exited when the program could not be executed
};
template <typename A>
void Fields(A& a, ContainerStarted& v) {
  a(v.sequence, v.ok, v.invalid, v.error, v.record);
}

struct SignalContainer {
  uint64_t sequence = 0;
  std::string name;
  int32_t attempt = 0;
  int signal = 0;
};
template <typename A>
void Fields(A& a, SignalContainer& v) {
  a(v.sequence, v.name, v.attempt, v.signal);
}

struct ForgetContainer {
  uint64_t sequence = 0;
  std::string name;
  int32_t attempt = 0;
};
template <typename A>
void Fields(A& a, ForgetContainer& v) {
  a(v.sequence, v.name, v.attempt);
}

struct Exec {
  uint64_t id = 0;  // chosen by the agent, answered in ExecExited
  std::string container;
  std::vector<std::string> arguments;
  bool tty = false;
};
template <typename A>
void Fields(A& a, Exec& v) {
  a(v.id, v.container, v.arguments, v.tty);
}

// The terminal of a command that was asked for with one, before the command runs.
struct ExecTerminal {
  uint64_t id = 0;
};
template <typename A>
void Fields(A& a, ExecTerminal& v) {
  a(v.id);
}

struct KillExec {
  uint64_t id = 0;
};
template <typename A>
void Fields(A& a, KillExec& v) {
  a(v.id);
}

// Asks for the streams of a running container.
struct Attach {
  uint64_t sequence = 0;
  std::string container;
};
template <typename A>
void Fields(A& a, Attach& v) {
  a(v.sequence, v.container);
}

// fds: the write end of its stdin if has_input (the terminal's master side if tty), the read ends
// of pipes that its output and, without a terminal, its errors are copied to from now on. The pipes
// end with the container; while one is full, the container's output waits.
struct Attached {
  uint64_t sequence = 0;
  std::string error;
  int32_t attempt = 0;
  bool tty = false;
  bool has_input = false;
  bool stdin_once = false;
};
template <typename A>
void Fields(A& a, Attached& v) {
  a(v.sequence, v.error, v.attempt, v.tty, v.has_input, v.stdin_once);
}

// Closes the supervisor's end of a container's stdin, as stdinOnce asks for after the first client.
struct CloseInput {
  std::string container;
  int32_t attempt = 0;
};
template <typename A>
void Fields(A& a, CloseInput& v) {
  a(v.container, v.attempt);
}

// Asks for a TCP socket, non-blocking and not connected, of the pod's network namespace.
struct OpenSocket {
  uint64_t sequence = 0;
  bool ipv6 = false;
};
template <typename A>
void Fields(A& a, OpenSocket& v) {
  a(v.sequence, v.ipv6);
}

struct Shutdown {
  uint64_t sequence = 0;
};
template <typename A>
void Fields(A& a, Shutdown& v) {
  a(v.sequence);
}

struct Snapshot {
  uint64_t version = kProtocolVersion;
  int pid = 0;
  std::string error;  // the sandbox could not be made; the supervisor ends
  std::vector<ContainerRecord> containers;
};
template <typename A>
void Fields(A& a, Snapshot& v) {
  a(v.version, v.pid, v.error, v.containers);
}

struct Done {
  uint64_t sequence = 0;
  std::string error;
};
template <typename A>
void Fields(A& a, Done& v) {
  a(v.sequence, v.error);
}

struct ExecExited {
  uint64_t id = 0;
  int exit_code = 0;
  std::string error;  // it could not be started
};
template <typename A>
void Fields(A& a, ExecExited& v) {
  a(v.id, v.exit_code, v.error);
}

template <typename T>
std::string Encode(MessageType type, const T& message) {
  WireWriter writer;
  writer(static_cast<uint8_t>(type), message);
  return writer.Take();
}

// The type at the head of a body; 0 when it is too short.
MessageType TypeOf(std::string_view body);

// The struct after the type. Errors: kBadRequest when the body is not exactly one T.
template <typename T>
Result<T> Decode(std::string_view body) {
  WireReader reader(body);
  uint8_t type = 0;
  T message;
  reader(type, message);
  if (!reader.ok() || !reader.at_end()) {
    return MakeError(Reason::kBadRequest, "malformed supervisor message");
  }
  return message;
}

}  // namespace wherry::nodeagent::init
