#pragma once

#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "nodeagent/runtime/runtime.h"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace wherry::nodeagent::runtime::fake {

// What a container's process does, read from its command line.
//
// The words after an optional shell ("/bin/sh -c TEXT" is split at ';') run one after another:
// "sleep 5" lasts 5 s, "exit 3" ends with 3, "ignore-term" survives SIGTERM, "crash" ends by
// SIGSEGV, "oom" is killed for its memory, "no-such-file" cannot be started; anything else, and an
// empty command, is a server that runs until it is stopped. A script without a server ends with 0.
struct Script {
  bool cannot_start = false;
  bool ignore_term = false;
  bool runs_forever = true;
  std::chrono::nanoseconds lasts{0};
  int exit_code = 0;
  int signal = 0;
  std::string reason;  // "" is Completed or Error by exit code
};
Script ParseScript(const std::vector<std::string>& command, const std::vector<std::string>& args);

// A Runtime without processes, on virtual or real time; everything it does follows from the calls
// and from World, so that a simulation replays.
//
// Pods live in a Node, which outlives the runtime: a second FakeRuntime over the same Node is an
// agent that was started again, and Recover finds what ran on meanwhile. Loop thread.
class FakeRuntime : public Runtime {
 public:
  struct Options {
    std::chrono::nanoseconds sandbox_delay{std::chrono::milliseconds(2)};
    std::chrono::nanoseconds start_delay{std::chrono::milliseconds(1)};
    std::chrono::nanoseconds stop_delay{std::chrono::milliseconds(1)};
    std::string pod_cidr_prefix = "10.244.0.";  // + 2, 3, ... up to 254
  };
  struct Call {
    std::string what;  // "RunPodSandbox", "StartContainer", ...
    PodUid uid;
    std::string container;
  };
  struct Pod;
  // The machine below: pods and their processes.
  class Node {
   public:
    explicit Node(World& world);
    ~Node();
    // Exits a running container as if its process had ended by itself.
    void ExitContainer(const PodUid& uid, const std::string& name, int exit_code);
    // The pod's supervisor and all its containers die.
    void KillSandbox(const PodUid& uid);
    // The configuration with which the newest attempt was started; null when there is none.
    const ContainerConfig* ConfigOf(const PodUid& uid, const std::string& name) const;
    // What a container has written, by its name alone.
    void SetDiskUsage(const std::string& container, uint64_t bytes) { disk_[container] = bytes; }
    size_t pods() const;
    // Containers that run now, as "uid/name/attempt".
    std::vector<std::string> Running() const;

   private:
    friend class FakeRuntime;
    void Finish(Pod& pod, size_t index, int exit_code, int signal, std::string reason);
    void StartProcess(Pod& pod, size_t index, const Script& script);
    Pod* Find(const PodUid& uid) const;

    World& world_;
    std::map<PodUid, std::unique_ptr<Pod>> pods_;
    std::map<std::string, uint64_t> disk_;
    std::function<void(const ContainerEvent&)> listener_;
    int next_address_ = 2;
  };

  FakeRuntime(World& world, Node& node);
  FakeRuntime(World& world, Node& node, Options options);
  ~FakeRuntime() override;

  Task<Result<std::vector<SandboxStatus>>> Recover() override;
  void SetListener(std::function<void(const ContainerEvent&)> listener) override;
  Task<Result<SandboxStatus>> RunPodSandbox(SandboxConfig config) override;
  Task<Status> StopPodSandbox(PodUid uid) override;
  Task<Status> RemovePodSandbox(PodUid uid) override;
  Result<SandboxStatus> PodSandboxStatus(const PodUid& uid) const override;
  Task<Result<ContainerStatus>> StartContainer(PodUid uid, ContainerConfig config) override;
  Task<Status> StopContainer(PodUid uid, std::string name,
                             std::chrono::milliseconds grace) override;
  Task<Status> RemoveContainer(PodUid uid, std::string name, int32_t attempt) override;
  // Every container uses a tenth of a core and 8 MiB, and the disk that SetDiskUsage says.
  Task<std::vector<PodUsage>> ListPodUsage(std::set<PodUid> disk_of) override;
  // Answers with what `on_exec` says; exit code 0 without output when it is not set.
  Task<Result<ExecResult>> ExecSync(PodUid uid, std::string name, std::vector<std::string> command,
                                    std::chrono::milliseconds timeout) override;

  // A session that tells what `on_exec` says; what is written to it comes back as output.
  Task<Result<std::unique_ptr<ExecSession>>> Exec(PodUid uid, std::string name,
                                                  ExecOptions options) override;

  // A session that repeats what is written to it; it ends when its input is closed.
  Task<Result<std::unique_ptr<ExecSession>>> Attach(PodUid uid, std::string name) override;
  // Repeats what is written to it, until CloseWrite; nobody listens on ports below 1000.
  Task<Result<std::unique_ptr<PodConnection>>> Connect(PodUid uid, uint16_t port) override;

  std::function<Result<ExecResult>(const PodUid& uid, const std::string& name,
                                   const std::vector<std::string>& command)>
      on_exec;
  const std::vector<Call>& calls() const { return calls_; }

 private:
  World& world_;
  Node& node_;
  Options options_;
  std::vector<Call> calls_;
};

}  // namespace wherry::nodeagent::runtime::fake
