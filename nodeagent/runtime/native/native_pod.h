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

 private:
  void OnFrame(const init::Frame& frame);
  void OnClosed();
  Task<Result<std::string>> Call(uint64_t sequence, std::string body, std::vector<linux::Fd> fds);
  void Answer(uint64_t sequence, std::string body);

  Loop& loop_;
  std::unique_ptr<InitConnection> connection_;
  std::function<void(const init::ContainerRecord&)> on_exit_;
  std::function<void()> on_lost_;
  // Answers are awaited by sequence; kSnapshotKey stands for the snapshot.
  std::map<uint64_t, OneShot<Result<std::string>>> waiting_;
  uint64_t sequence_ = 0;
};

}  // namespace wherry::nodeagent::runtime::native
