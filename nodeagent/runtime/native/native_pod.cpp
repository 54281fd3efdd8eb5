#include "nodeagent/runtime/native/native_pod.h"

#include <algorithm>

namespace wherry::nodeagent::runtime::native {
namespace {

constexpr uint64_t kSnapshotKey = 0;

WallTime FromNanoseconds(int64_t ns) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(ns)));
}

}  // namespace

NativePod::NativePod(Loop& loop, SandboxRecord from)
    : record(std::move(from)), changed(loop), loop_(loop) {}

SandboxStatus NativePod::Status() const {
  SandboxStatus status{
      .config = record.config, .state = state, .ips = record.ips, .created_at = record.created_at};
  for (const Container& container : containers) status.containers.push_back(container.status);
  return status;
}

NativePod::Container* NativePod::Find(const std::string& name, int32_t attempt) {
  auto found = std::ranges::find_if(containers, [&](const Container& c) {
    return c.status.name == name && c.status.attempt == attempt;
  });
  return found == containers.end() ? nullptr : &*found;
}

NativePod::Container* NativePod::FindRunning(const std::string& name) {
  auto found = std::ranges::find_if(containers, [&](const Container& c) {
    return c.status.name == name && c.status.state == ContainerState::kRunning;
  });
  return found == containers.end() ? nullptr : &*found;
}

bool NativePod::Apply(const init::ContainerRecord& from) {
  Container* container = Find(from.name, from.attempt);
  if (container == nullptr) return false;
  ContainerStatus& status = container->status;
  bool exited = from.state == static_cast<uint8_t>(init::RecordState::kExited);
  ContainerState next = exited ? ContainerState::kExited : ContainerState::kRunning;
  if (status.state == ContainerState::kExited) return false;
  bool news = status.state != next;
  status.state = next;
  status.pid = from.pid;
  status.started_at = FromNanoseconds(from.started_at_ns);
  if (exited) {
    status.pid = 0;
    status.finished_at = FromNanoseconds(from.finished_at_ns);
    status.exit_code = from.exit_code;
    status.signal = from.signal;
    status.reason = from.reason;
    status.message = from.message;
  }
  if (news) changed.Notify();
  return news;
}

void NativePod::Connect(linux::Fd socket, std::function<void(const init::ContainerRecord&)> on_exit,
                        std::function<void()> on_lost) {
  on_exit_ = std::move(on_exit);
  on_lost_ = std::move(on_lost);
  waiting_.emplace(kSnapshotKey, OneShot<Result<init::Frame>>(loop_));
  connection_ = std::make_unique<InitConnection>(
      loop_, std::move(socket), [this](init::Frame frame) { OnFrame(std::move(frame)); },
      [this] { OnClosed(); });
}

void NativePod::Disconnect() {
  connection_.reset();
  OnClosed();
}

void NativePod::OnFrame(init::Frame frame) {
  using init::MessageType;
  // Every answer begins with its sequence, which is read by decoding the whole.
  switch (init::TypeOf(frame.body)) {
    case MessageType::kSnapshot:
      return Answer(kSnapshotKey, std::move(frame));
    case MessageType::kContainerStarted:
      if (auto m = init::Decode<init::ContainerStarted>(frame.body); m.ok()) {
        Answer(m->sequence, std::move(frame));
      }
      return;
    case MessageType::kDone:
      if (auto m = init::Decode<init::Done>(frame.body); m.ok()) {
        Answer(m->sequence, std::move(frame));
      }
      return;
    case MessageType::kAttached:
      if (auto m = init::Decode<init::Attached>(frame.body); m.ok()) {
        Answer(m->sequence, std::move(frame));
      }
      return;
    case MessageType::kExecTerminal:
      if (auto m = init::Decode<init::ExecTerminal>(frame.body); m.ok() && frame.fds.size() == 1) {
        if (auto found = terminals_.find(m->id); found != terminals_.end()) {
          found->second.Set(std::move(frame.fds[0]));
        }
      }
      return;
    case MessageType::kExecExited:
      if (auto m = init::Decode<init::ExecExited>(frame.body); m.ok()) {
        if (auto found = terminals_.find(m->id); found != terminals_.end()) {
          found->second.Set(MakeError(Reason::kInternalError, m->error));
          terminals_.erase(found);
        }
        Answer(m->id, std::move(frame));
      }
      return;
    case MessageType::kContainerExited:
      if (auto m = init::Decode<init::ContainerRecord>(frame.body); m.ok() && on_exit_)
        on_exit_(*m);
      return;
    default:
      return;
  }
}

void NativePod::OnClosed() {
  auto waiting = std::exchange(waiting_, {});
  for (auto& [sequence, shot] : waiting) {
    shot.Set(MakeError(Reason::kServiceUnavailable, "the pod's supervisor has gone"));
  }
  auto terminals = std::exchange(terminals_, {});
  for (auto& [id, shot] : terminals) {
    shot.Set(MakeError(Reason::kServiceUnavailable, "the pod's supervisor has gone"));
  }
  if (auto lost = std::exchange(on_lost_, nullptr)) lost();
}

void NativePod::Answer(uint64_t sequence, init::Frame frame) {
  auto found = waiting_.find(sequence);
  if (found == waiting_.end()) return;
  found->second.Set(std::move(frame));
  if (sequence != kSnapshotKey) waiting_.erase(found);
}

Task<Result<init::Frame>> NativePod::Call(uint64_t sequence, std::string body,
                                          std::vector<linux::Fd> fds) {
  if (!connected()) {
    co_return MakeError(Reason::kServiceUnavailable, "the pod's supervisor has gone");
  }
  OneShot<Result<init::Frame>> shot(loop_);
  waiting_.emplace(sequence, shot);
  connection_->Send(std::move(body), std::move(fds));
  auto answer = co_await shot.Wait();
  co_return answer;
}

Task<Result<init::Snapshot>> NativePod::ReadSnapshot() {
  auto found = waiting_.find(kSnapshotKey);
  if (found == waiting_.end()) {
    co_return MakeError(Reason::kServiceUnavailable, "the pod's supervisor has gone");
  }
  OneShot<Result<init::Frame>> shot = found->second;
  CO_TRY(init::Frame frame, co_await shot.Wait());
  waiting_.erase(kSnapshotKey);
  // The version is looked at before the rest is understood.
  init::WireReader reader(frame.body);
  uint8_t type = 0;
  uint64_t version = 0;
  reader(type, version);
  if (version != init::kProtocolVersion) {
    co_return MakeError(Reason::kConflict,
                        "the pod's supervisor speaks protocol version " + std::to_string(version));
  }
  auto snapshot = init::Decode<init::Snapshot>(frame.body);
  co_return snapshot;
}

Task<Result<init::ContainerStarted>> NativePod::StartContainer(init::ContainerSpec spec,
                                                               std::vector<linux::Fd> fds) {
  init::StartContainer message{.sequence = ++sequence_, .spec = std::move(spec)};
  std::string request = init::Encode(init::MessageType::kStartContainer, message);
  auto call = Call(message.sequence, std::move(request), std::move(fds));
  CO_TRY(init::Frame frame, co_await std::move(call));
  co_return init::Decode<init::ContainerStarted>(frame.body);
}

Task<Result<init::Done>> NativePod::Signal(std::string name, int32_t attempt, int signal) {
  init::SignalContainer message{
      .sequence = ++sequence_, .name = name, .attempt = attempt, .signal = signal};
  auto call =
      Call(message.sequence, init::Encode(init::MessageType::kSignalContainer, message), {});
  CO_TRY(init::Frame frame, co_await std::move(call));
  co_return init::Decode<init::Done>(frame.body);
}

Task<Result<init::Done>> NativePod::Forget(std::string name, int32_t attempt) {
  init::ForgetContainer message{.sequence = ++sequence_, .name = name, .attempt = attempt};
  auto call =
      Call(message.sequence, init::Encode(init::MessageType::kForgetContainer, message), {});
  CO_TRY(init::Frame frame, co_await std::move(call));
  co_return init::Decode<init::Done>(frame.body);
}

Task<Result<init::Done>> NativePod::ShutDown() {
  init::Shutdown message{.sequence = ++sequence_};
  auto call = Call(message.sequence, init::Encode(init::MessageType::kShutdown, message), {});
  CO_TRY(init::Frame frame, co_await std::move(call));
  co_return init::Decode<init::Done>(frame.body);
}

Task<Result<init::ExecExited>> NativePod::Exec(init::Exec exec, std::vector<linux::Fd> fds) {
  auto call = Call(exec.id, init::Encode(init::MessageType::kExec, exec), std::move(fds));
  CO_TRY(init::Frame frame, co_await std::move(call));
  co_return init::Decode<init::ExecExited>(frame.body);
}

void NativePod::KillExec(uint64_t id) {
  if (!connected()) return;
  connection_->Send(init::Encode(init::MessageType::kKillExec, init::KillExec{.id = id}), {});
}

NativePod::TerminalExec NativePod::BeginTerminalExec(init::Exec exec) {
  TerminalExec begun{OneShot<Result<linux::Fd>>(loop_), OneShot<Result<init::Frame>>(loop_)};
  if (!connected()) {
    Error gone = MakeError(Reason::kServiceUnavailable, "the pod's supervisor has gone");
    begun.terminal.Set(gone);
    begun.end.Set(std::move(gone));
    return begun;
  }
  terminals_.emplace(exec.id, begun.terminal);
  waiting_.emplace(exec.id, begun.end);
  connection_->Send(init::Encode(init::MessageType::kExec, exec), {});
  return begun;
}

Task<Result<init::ExecExited>> NativePod::EndOf(TerminalExec exec) {
  CO_TRY(init::Frame frame, co_await exec.end.Wait());
  co_return init::Decode<init::ExecExited>(frame.body);
}

Task<Result<NativePod::AttachedStreams>> NativePod::Attach(std::string container) {
  init::Attach message{.sequence = ++sequence_, .container = container};
  auto call = Call(message.sequence, init::Encode(init::MessageType::kAttach, message), {});
  CO_TRY(init::Frame frame, co_await std::move(call));
  AttachedStreams streams;
  CO_TRY(streams.message, init::Decode<init::Attached>(frame.body));
  const init::Attached& said = streams.message;
  if (!said.error.empty()) co_return MakeError(Reason::kNotFound, said.error);
  if (frame.fds.size() != (said.has_input ? 1u : 0u) + (said.tty ? 1u : 2u)) {
    co_return MakeError(Reason::kInternalError, "the supervisor sent other streams than it said");
  }
  streams.fds = std::move(frame.fds);
  co_return streams;
}

void NativePod::CloseInput(std::string container, int32_t attempt) {
  if (!connected()) return;
  init::CloseInput message{.container = std::move(container), .attempt = attempt};
  connection_->Send(init::Encode(init::MessageType::kCloseInput, message), {});
}

Task<Result<linux::Fd>> NativePod::OpenSocket(bool ipv6) {
  init::OpenSocket message{.sequence = ++sequence_, .ipv6 = ipv6};
  auto call = Call(message.sequence, init::Encode(init::MessageType::kOpenSocket, message), {});
  CO_TRY(init::Frame frame, co_await std::move(call));
  CO_TRY(init::Done done, init::Decode<init::Done>(frame.body));
  if (!done.error.empty() || frame.fds.size() != 1) {
    co_return MakeError(Reason::kInternalError, "in the pod's network: " + done.error);
  }
  co_return std::move(frame.fds[0]);
}

}  // namespace wherry::nodeagent::runtime::native
