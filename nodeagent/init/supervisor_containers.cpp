#include "lib/linux/cgroup.h"
#include "lib/linux/file.h"
#include "nodeagent/init/supervisor.h"
#include "nodeagent/init/supervisor_state.h"

#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>

namespace wherry::nodeagent::init {
namespace {

using linux::Fd;

constexpr int kCannotRunExitCode = 128;

struct Pipe {
  Fd read;
  Fd write;
};
Result<Pipe> MakePipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return ErrnoError(errno, "make a pipe");
  return Pipe{Fd(fds[0]), Fd(fds[1])};
}

Status MakeNonBlocking(const Fd& fd) {
  if (::fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0) return ErrnoError(errno, "set O_NONBLOCK");
  return Ok();
}

int ExitCode(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

}  // namespace

int64_t WallClockNow() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void Supervisor::Start(StartContainer message, std::vector<Fd> fds) {
  Container* existing = Find(message.spec.name, message.spec.attempt);
  if (existing != nullptr && !existing->starting) {
    Send(MessageType::kContainerStarted,
         ContainerStarted{.sequence = message.sequence, .ok = true, .record = existing->record});
    return;
  }
  auto container = std::make_unique<Container>();
  container->spec = std::move(message.spec);
  container->start_sequence = message.sequence;
  const ContainerSpec& spec = container->spec;
  container->record = ContainerRecord{.name = spec.name, .attempt = spec.attempt, .id = spec.id};
  auto launched = existing != nullptr
                      ? Status(MakeError(Reason::kConflict, "container is being started"))
                      : Launch(*container, std::move(fds));
  if (!launched.ok()) {
    Send(MessageType::kContainerStarted,
         ContainerStarted{.sequence = message.sequence, .error = launched.error().message});
    return;
  }
  Container* raw = container.get();
  containers_.push_back(std::move(container));
  poller_.Watch(raw->child.report.get(), EPOLLIN, [this, raw](uint32_t) { OnReport(*raw); });
}

Status Supervisor::Launch(Container& container, std::vector<Fd> fds) {
  const ContainerSpec& spec = container.spec;
  if (spec.arguments.empty()) return MakeError(Reason::kInvalid, "no command specified");
  TRY(container.files, TakeContainerFiles(spec, std::move(fds)));
  if (!spec.log_name.empty()) {
    TRY(container.log, LogWriter::Open(std::move(container.files.log_directory), spec.log_name,
                                       spec.log_bytes_max, spec.log_files_max));
  }
  Pipe in;
  Pipe out;
  Pipe err;
  ChildStdio stdio;
  if (!spec.tty) {
    if (spec.stdin_open) {
      TRY(in, MakePipe());
    }
    TRY(out, MakePipe());
    TRY(err, MakePipe());
    TRY_STATUS(MakeNonBlocking(out.read));
    TRY_STATUS(MakeNonBlocking(err.read));
    stdio = ChildStdio{.in = in.read.get(), .out = out.write.get(), .err = err.write.get()};
  }
  TRY(container.child, StartContainerChild(spec, container.files, stdio, pod_));
  container.starting = container.alive = true;
  container.record.pid = container.child.pid;
  container.input = std::move(in.write);
  container.output = std::move(out.read);
  container.errors = std::move(err.read);
  // The child has them; held here they would keep volumes and layers busy.
  container.files.root.Close();
  container.files.mounts.clear();

  WatchOutput(container, LogWriter::Stream::kStdout);
  WatchOutput(container, LogWriter::Stream::kStderr);
  return Ok();
}

void Supervisor::WatchOutput(Container& container, LogWriter::Stream stream) {
  const Fd& fd = container.OutputOf(stream);
  if (!fd.valid()) return;
  poller_.Watch(fd.get(), EPOLLIN,
                [this, &container, stream](uint32_t) { ReadOutput(container, stream); });
}

void Supervisor::OnReport(Container& container) {
  for (;;) {
    auto open = container.reports.ReadSome(container.child.report.get());
    if (!open.ok() && open.error().reason == Reason::kTimeout) return;
    while (auto frame = container.reports.Next()) {
      if (frame->body.empty()) continue;
      auto kind = static_cast<ChildReport>(frame->body[0]);
      if (kind == ChildReport::kTerminal && frame->fds.size() == 1) {
        container.output = std::move(frame->fds[0]);
        Ignore(MakeNonBlocking(container.output), "reads then only wait a little");
        WatchOutput(container, LogWriter::Stream::kStdout);
        continue;
      }
      ContainerStarted failure{.sequence = container.start_sequence};
      failure.error = frame->body.substr(1);
      failure.invalid = kind == ChildReport::kInvalid;
      failure.ok = kind == ChildReport::kCannotRun;
      container.failure = std::move(failure);
    }
    if (!open.ok() || !*open) break;
  }
  poller_.Forget(container.child.report.get());
  container.child.report.Close();
  ContainerStarted answer{.sequence = container.start_sequence, .ok = true};
  if (container.failure) answer = *container.failure;
  FinishStart(container, std::move(answer));
}

void Supervisor::FinishStart(Container& container, ContainerStarted answer) {
  container.starting = false;
  container.record.started_at_ns = WallClockNow();
  if (container.failure) {
    container.record.state = static_cast<uint8_t>(RecordState::kExited);
    container.record.pid = 0;
    container.record.finished_at_ns = container.record.started_at_ns;
    container.record.exit_code = kCannotRunExitCode;
    container.record.reason = "StartError";
    container.record.message =
        "failed to start container \"" + container.spec.id + "\": " + container.failure->error;
    if (container.failure->ok) SaveRecord(container);
  }
  answer.record = container.record;
  if (container.start_sequence != kNobodyWaits) Send(MessageType::kContainerStarted, answer);
  SendDueSnapshot();
}

bool Supervisor::ReadOutput(Container& container, LogWriter::Stream stream) {
  Fd& fd = container.OutputOf(stream);
  if (!fd.valid()) return false;
  static char buffer[65536];
  ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
  if (n > 0) {
    const std::string_view bytes(buffer, static_cast<size_t>(n));
    container.log.Write(stream, bytes);
    // Somebody who is attached reads slowly: the output waits, as at a terminal.
    if (!FeedTaps(container, stream, bytes)) poller_.Forget(fd.get());
    return true;
  }
  if (n < 0 && errno == EINTR) return true;
  if (n < 0 && errno == EAGAIN) return false;
  // End, or EIO: the other side of a terminal was closed.
  container.log.Finish(stream);
  poller_.Forget(fd.get());
  fd.Close();
  EndTaps(container, stream);
  return false;
}

void Supervisor::DrainOutput(Container& container) {
  for (auto stream : {LogWriter::Stream::kStdout, LogWriter::Stream::kStderr}) {
    // At most what fits into a pipe: others that still hold it must not keep this from ending.
    for (int reads = 0; reads < 32 && ReadOutput(container, stream); ++reads) {
    }
    EndTaps(container, stream);
  }
}

void Supervisor::KillLeftovers(const Container& container) {
  if (!spec_.host_pid && !pod_.pid_namespace.valid()) return;  // they died with their PID 1
  if (!container.files.unified.valid()) return;  // the agent kills by the list of processes
  Ignore(linux::WriteValue(container.files.unified.get(), "cgroup.kill", "1"),
         "before Linux 5.14 the agent kills by the list of processes");
}

void Supervisor::OnContainerExit(Container& container, int wait_status) {
  if (container.starting) OnReport(container);
  container.alive = false;
  KillLeftovers(container);
  if (container.failure) {
    container.child.pid = -1;
    if (container.forgotten) Erase(container);
    return;
  }
  DrainOutput(container);
  ContainerRecord& record = container.record;
  record.state = static_cast<uint8_t>(RecordState::kExited);
  record.pid = 0;
  record.finished_at_ns = WallClockNow();
  record.exit_code = ExitCode(wait_status);
  record.signal = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
  record.reason = record.exit_code == 0 ? "Completed" : "Error";
  if (container.files.oom_events.valid()) {
    auto kills = linux::CountOomKills(container.files.oom_events.get());
    if (kills.ok() && *kills > 0 && record.exit_code != 0) record.reason = "OOMKilled";
  }
  container.files = ContainerFiles();
  container.input.Close();
  SaveRecord(container);
  Send(MessageType::kContainerExited, record);
}

void Supervisor::SaveRecord(const Container& container) {
  std::string name = "exit-" + container.spec.name + "-" + std::to_string(container.spec.attempt);
  Ignore(linux::ReplaceFile(state_.get(), name,
                            Encode(MessageType::kContainerExited, container.record), 0600,
                            linux::Durability::kPageCache),
         "the record is kept in memory too; only both dying loses it");
}

void Supervisor::StartExec(const Exec& message, std::vector<Fd> fds) {
  auto fail = [&](const std::string& error) {
    Send(MessageType::kExecExited,
         ExecExited{.id = message.id, .exit_code = kCannotRunExitCode, .error = error});
  };
  auto running = std::ranges::find_if(containers_, [&](const auto& c) {
    return c->spec.name == message.container && c->alive && !c->starting;
  });
  if (running == containers_.end())
    return fail("container '" + message.container + "' is not running");
  if (message.arguments.empty()) return fail("no command specified");
  if (execs_.contains(message.id)) return fail("a command of this id is running");
  if (fds.size() != (message.tty ? 0u : 3u)) return fail("wrong number of descriptors");
  ChildStdio stdio;
  if (!message.tty) stdio = {.in = fds[0].get(), .out = fds[1].get(), .err = fds[2].get()};
  const Container& container = **running;
  auto child = StartExecChild(message, container.spec, container.files, container.child.pidfd.get(),
                              stdio, pod_);
  if (!child.ok()) return fail(child.error().message);
  auto exec = std::make_unique<RunningExec>();
  exec->message = message;
  exec->child = std::move(*child);
  RunningExec* raw = exec.get();
  execs_[message.id] = std::move(exec);
  poller_.Watch(raw->child.report.get(), EPOLLIN, [this, raw](uint32_t) { OnExecReport(*raw); });
}

void Supervisor::OnExecReport(RunningExec& exec) {
  if (!exec.child.report.valid()) return;
  auto open = exec.reports.ReadSome(exec.child.report.get());
  if (!open.ok() && open.error().reason == Reason::kTimeout) return;
  while (auto frame = exec.reports.Next()) {
    if (frame->body.empty()) continue;
    if (static_cast<ChildReport>(frame->body[0]) == ChildReport::kTerminal) {
      if (exec.orphaned) continue;
      SendBody(Encode(MessageType::kExecTerminal, ExecTerminal{.id = exec.message.id}),
               std::move(frame->fds));
    } else {
      exec.error = frame->body.substr(1);
    }
  }
  if (open.ok() && *open) return;
  poller_.Forget(exec.child.report.get());
  exec.child.report.Close();
}

void Supervisor::OnExecExit(RunningExec& exec, int wait_status) {
  while (exec.child.report.valid()) OnExecReport(exec);
  ExecExited answer{.id = exec.message.id, .exit_code = ExitCode(wait_status), .error = exec.error};
  Send(MessageType::kExecExited, answer);
  execs_.erase(exec.message.id);
}

}  // namespace wherry::nodeagent::init
