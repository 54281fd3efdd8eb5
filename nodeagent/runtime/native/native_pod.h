#pragma once

#include "lib/linux/process.h"
#include "lib/loop/sync.h"
#include "nodeagent/init/protocol.h"
#include "nodeagent/runtime/native/init_connection.h"
#include "nodeagent/runtime/native/pod_directory.h"
#include "nodeagent/runtime/runtime.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace wherry::nodeagent::runtime::native {

// What the agent knows about one pod and says to its supervisor. Loop thread.
class NativePod {
 public:
  struct Container {
    CreatedRecord created;
    ContainerStatus status;
  };

  NativePod(Loop& loop, SandboxRecord record);

  SandboxRecord record;
  SandboxState state = SandboxState::kNotReady;
  std::vector<Container> containers;
  Status released = Ok();  // how its resources were given back the last time
  int supervisor_pid = 0;
  linux::Pidfd supervisor;

  SandboxStatus Status() const;
  Container* Find(const std::string& name, int32_t attempt);
  Container* FindRunning(const std::string& name);
  // Takes over what the supervisor reported; true when that is news.
  bool Apply(const init::ContainerRecord& from);
  // Wakes those who wait for a change of any container.
  Notifier changed;

  // Talks over `socket` from now on. `on_exit` is told of every container exit, `on_lost` once when
  // the connection has ended.
  void Connect(linux::Fd socket, std::function<void(const init::ContainerRecord&)> on_exit,
               std::function<void()> on_lost);
  void Disconnect();
  bool connected() const { return connection_ != nullptr && !connection_->closed(); }

  // The first message of the connection. Errors: kServiceUnavailable when it ends before.
  Task<Result<init::Snapshot>> ReadSnapshot();
  Task<Result<init::ContainerStarted>> StartContainer(init::ContainerSpec spec,
                                                      std::vector<linux::Fd> fds);
  Task<Result<init::Done>> Signal(std::string name, int32_t attempt, int signal);
  Task<Result<init::Done>> Forget(std::string name, int32_t attempt);
  Task<Result<init::Done>> ShutDown();
  // Starts a command; the answer comes when it has ended. `id` names it for KillExec.
  uint64_t NextExecId() { return ++sequence_; }
  Task<Result<init::ExecExited>> Exec(init::Exec exec, std::vector<linux::Fd> fds);
  void KillExec(uint64_t id);
  // A command with a terminal: sent at once, with the two answers that follow, the terminal's
  // master side (or why there is none) and the end.
  struct TerminalExec {
    OneShot<Result<linux::Fd>> terminal;
    OneShot<Result<init::Frame>> end;
  };
  TerminalExec BeginTerminalExec(init::Exec exec);
  Task<Result<init::ExecExited>> EndOf(TerminalExec exec);

  struct AttachedStreams {
    init::Attached message;
    std::vector<linux::Fd> fds;
  };
  // Errors: kNotFound when no such container runs.
  Task<Result<AttachedStreams>> Attach(std::string container);
  void CloseInput(std::string container, int32_t attempt);
  // A TCP socket in the pod's network, not connected.
  Task<Result<linux::Fd>> OpenSocket(bool ipv6);

 private:
  void OnFrame(init::Frame frame);
  void OnClosed();
  Task<Result<init::Frame>> Call(uint64_t sequence, std::string body, std::vector<linux::Fd> fds);
  void Answer(uint64_t sequence, init::Frame frame);

  Loop& loop_;
  std::unique_ptr<InitConnection> connection_;
  std::function<void(const init::ContainerRecord&)> on_exit_;
  std::function<void()> on_lost_;
  // Answers are awaited by sequence; kSnapshotKey stands for the snapshot.
  std::map<uint64_t, OneShot<Result<init::Frame>>> waiting_;
  std::map<uint64_t, OneShot<Result<linux::Fd>>> terminals_;  // by the command's id
  uint64_t sequence_ = 0;
};

}  // namespace wherry::nodeagent::runtime::native
