#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"
#include "nodeagent/init/child.h"
#include "nodeagent/init/container_files.h"
#include "nodeagent/init/frames.h"
#include "nodeagent/init/log_writer.h"
#include "nodeagent/init/poller.h"
#include "nodeagent/init/protocol.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::nodeagent::init {

// The process that holds one pod: its namespaces, its containers and their logs.
//
// Single-threaded. It outlives the agent that asked for it: connections come and go, each begins
// with a Snapshot. Exits are recorded in the state directory as they happen, so that nothing is
// lost when both are gone. Ends with Shutdown, or when the sandbox cannot be made; its containers
// die with it.
class Supervisor {
 public:
  // `pod` holds what the launcher has made for all pods.
  Supervisor(StartSupervisor spec, linux::Fd control, linux::Fd listener, linux::Fd state,
             PodContext pod);
  ~Supervisor();
  // Returns the process' exit code.
  int Run();

 private:
  struct Container;
  struct RunningExec;

  // Namespaces and network. Must already be true: this process is a fresh child of the launcher.
  Status MakeSandbox();
  Status WriteSysctls();

  void OnConnection();
  void OnControl(uint32_t events);
  void Disconnect();
  void Handle(Frame frame);
  void Send(MessageType type, const auto& message) { SendBody(Encode(type, message)); }
  void SendBody(std::string body, std::vector<linux::Fd> fds = {});
  void SendSnapshot(const std::string& error);
  // Once no container is being started: an agent that did not hear of one would start it again.
  void SendDueSnapshot();
  // Ends what an earlier agent asked for and nobody waits for any more. Its numbers mean other
  // calls from now on.
  void OrphanCalls();

  void Start(StartContainer message, std::vector<linux::Fd> fds);
  Status Launch(Container& container, std::vector<linux::Fd> fds);
  void OnReport(Container& container);
  void FinishStart(Container& container, ContainerStarted answer);
  void WatchOutput(Container& container, LogWriter::Stream stream);
  // False when there is nothing to read now, or never again.
  bool ReadOutput(Container& container, LogWriter::Stream stream);
  void DrainOutput(Container& container);
  void OnContainerExit(Container& container, int wait_status);
  void SaveRecord(const Container& container);
  void KillLeftovers(const Container& container);
  Done SignalOne(const SignalContainer& message);
  Done ForgetOne(const ForgetContainer& message);
  void Erase(Container& container);

  void StartAttach(const Attach& message);
  Result<linux::Fd> AddTap(Container& container, LogWriter::Stream stream);
  // Gives output to the taps of a stream; false when one of them is full.
  bool FeedTaps(Container& container, LogWriter::Stream stream, std::string_view bytes);
  void OnTap(Container& container, int pipe);
  // The stream has ended: so do its taps, once they have what is left.
  void EndTaps(Container& container, LogWriter::Stream stream);
  void ForgetTaps(Container& container);
  void CloseInputOf(const CloseInput& message);
  void OpenSocketFor(const OpenSocket& message);

  void StartExec(const Exec& message, std::vector<linux::Fd> fds);
  void OnExecReport(RunningExec& exec);
  void OnExecExit(RunningExec& exec, int wait_status);

  void OnChildren();
  void ShutDown(uint64_t sequence);
  Container* Find(const std::string& name, int32_t attempt);

  StartSupervisor spec_;
  Poller poller_;
  linux::Fd control_;
  linux::Fd listener_;
  linux::Fd state_;
  linux::Fd signals_;
  FrameReader reader_;
  FrameWriter writer_;
  PodContext pod_;
  StartedChild reaper_;
  std::vector<std::unique_ptr<Container>> containers_;
  std::map<uint64_t, std::unique_ptr<RunningExec>> execs_;  // by the agent's id
  std::vector<std::unique_ptr<RunningExec>> orphans_;       // killed; not reaped yet
  bool snapshot_due_ = false;
  bool ending_ = false;
};

}  // namespace wherry::nodeagent::init
