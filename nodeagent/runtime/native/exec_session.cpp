#include "nodeagent/runtime/native/exec_session.h"

#include "lib/linux/file.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

namespace wherry::nodeagent::runtime::native {
namespace {

struct Pipe {
  linux::Fd read;
  linux::Fd write;
};

Status MakeNonBlocking(int fd) {
  if (::fcntl(fd, F_SETFL, O_NONBLOCK) != 0) return ErrnoError(errno, "fcntl");
  return Ok();
}

Result<Pipe> MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return ErrnoError(errno, "make a pipe");
  return Pipe{linux::Fd(ends[0]), linux::Fd(ends[1])};
}

class Session : public ExecSession {
 public:
  Session(Loop& loop, SessionEnds ends) : loop_(loop), ends_(std::move(ends)), ended_(loop) {}

  Task<Result<std::string>> ReadStdout() override { return Read(ends_.out); }
  Task<Result<std::string>> ReadStderr() override { return Read(ends_.err); }

  Task<Status> WriteStdin(std::string bytes) override {
    size_t done = 0;
    while (done < bytes.size()) {
      if (!ends_.in.valid()) co_return MakeError(Reason::kGone, "the command's input is closed");
      const ssize_t n = ::write(ends_.in.get(), bytes.data() + done, bytes.size() - done);
      if (n > 0) {
        done += static_cast<size_t>(n);
        continue;
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN) co_return MakeError(Reason::kGone, "the command's input is closed");
      if (exit_) co_return MakeError(Reason::kGone, "the command has ended");
      co_await WaitForFd(ends_.in.get(), Loop::FdEvent::kWritable);
    }
    co_return Ok();
  }

  void CloseStdin() override {
    if (ends_.tty && ends_.in.valid()) {
      // A terminal's input ends by its end-of-file character.
      const char end_of_file = 4;
      Ignore(::write(ends_.in.get(), &end_of_file, 1), "nobody may be left to read it");
      return;
    }
    ends_.in.Close();
  }

  void Resize(uint16_t columns, uint16_t rows) override {
    if (!ends_.tty) return;
    winsize size{};
    size.ws_col = columns;
    size.ws_row = rows;
    Ignore(::ioctl(ends_.in.get(), TIOCSWINSZ, &size), "the terminal may be gone");
  }

  Task<Result<int>> Wait() override {
    while (!exit_) co_await ended_.Wait();
    co_return *exit_;
  }

 protected:
  bool has_ended() const { return exit_.has_value(); }
  void SetEnd(Result<int> exit) {
    exit_ = std::move(exit);
    ended_.Notify();
  }
  SessionEnds& ends() { return ends_; }
  // Output ends with the session: processes that a command left behind are not waited for.
  Task<Result<std::string>> Read(const linux::Fd& fd) {
    std::string text(16 * 1024, '\0');
    while (fd.valid()) {
      const bool ended = exit_.has_value();
      const ssize_t n = ::read(fd.get(), text.data(), text.size());
      if (n > 0) {
        text.resize(static_cast<size_t>(n));
        co_return text;
      }
      // EIO: the terminal's last user has gone.
      if (n == 0 || (errno != EAGAIN && errno != EINTR) || ended) break;
      co_await WaitForFd(fd.get(), Loop::FdEvent::kReadable);
    }
    co_return std::string();
  }

 private:
  Task<void> WaitForFd(int fd, Loop::FdEvent event) {
    OneShot<bool> woken(loop_);
    TaskScope scope(loop_);
    auto ready = [](Loop& loop, int what, Loop::FdEvent which, OneShot<bool> shot) -> Task<void> {
      co_await FdReady(loop, what, which);
      shot.Set(true);
    };
    auto ended = [](Session& session, OneShot<bool> shot) -> Task<void> {
      while (!session.exit_) co_await session.ended_.Wait();
      shot.Set(true);
    };
    scope.Spawn("stream ready", ready(loop_, fd, event, woken));
    scope.Spawn("command ended", ended(*this, woken));
    auto waiting = woken.Wait();
    co_await std::move(waiting);
  }

  Loop& loop_;
  SessionEnds ends_;
  std::optional<Result<int>> exit_;
  Notifier ended_;
};

class CommandSession : public Session {
 public:
  CommandSession(Loop& loop, SessionEnds ends, Task<Result<init::ExecExited>> call,
                 std::function<void()> kill)
      : Session(loop, std::move(ends)), kill_(std::move(kill)), tasks_(loop) {
    tasks_.Spawn("exec", WaitForEnd(std::move(call)));
  }
  ~CommandSession() override {
    tasks_.Cancel();
    if (!has_ended()) kill_();
  }

 private:
  Task<void> WaitForEnd(Task<Result<init::ExecExited>> call) {
    auto exited = co_await std::move(call);
    if (!exited.ok()) {
      SetEnd(std::move(exited).error());
    } else if (!exited->error.empty()) {
      SetEnd(MakeError(Reason::kInternalError, "failed to exec in container: " + exited->error));
    } else {
      SetEnd(exited->exit_code);
    }
  }

  std::function<void()> kill_;
  TaskScope tasks_;
};

class AttachSession : public Session {
 public:
  AttachSession(Loop& loop, SessionEnds ends, std::function<void()> close_input)
      : Session(loop, std::move(ends)), close_input_(std::move(close_input)) {}
  ~AttachSession() override { CloseInput(); }

  Task<Result<std::string>> ReadStdout() override { return ReadOne(ends().out); }
  Task<Result<std::string>> ReadStderr() override { return ReadOne(ends().err); }
  void CloseStdin() override {
    if (!ends().tty) CloseInput();
  }

 private:
  Task<Result<std::string>> ReadOne(linux::Fd& fd) {
    auto reading = Read(fd);
    auto text = co_await std::move(reading);
    if (text.ok() && text->empty()) {
      fd.Close();
      if (!ends().out.valid() && !ends().err.valid() && !has_ended()) SetEnd(0);
    }
    co_return text;
  }
  void CloseInput() {
    ends().in.Close();
    if (auto close = std::exchange(close_input_, nullptr)) close();
  }

  std::function<void()> close_input_;
};

}  // namespace

Result<SessionEnds> TerminalEnds(linux::Fd master) {
  SessionEnds ends;
  ends.tty = true;
  TRY_STATUS(MakeNonBlocking(master.get()));
  TRY(ends.out, master.Duplicate());
  ends.in = std::move(master);
  return ends;
}

Result<SessionStreams> OpenSessionStreams(bool with_stdin) {
  SessionStreams streams;
  linux::Fd input;
  if (with_stdin) {
    TRY(Pipe in, MakePipe());
    input = std::move(in.read);
    streams.ours.in = std::move(in.write);
    TRY_STATUS(MakeNonBlocking(streams.ours.in.get()));
  } else {
    TRY(input, linux::OpenAt(AT_FDCWD, "/dev/null", O_RDONLY));
  }
  TRY(Pipe out, MakePipe());
  TRY(Pipe err, MakePipe());
  TRY_STATUS(MakeNonBlocking(out.read.get()));
  TRY_STATUS(MakeNonBlocking(err.read.get()));
  streams.ours.out = std::move(out.read);
  streams.ours.err = std::move(err.read);
  streams.fds.push_back(std::move(input));
  streams.fds.push_back(std::move(out.write));
  streams.fds.push_back(std::move(err.write));
  return streams;
}

std::unique_ptr<ExecSession> MakeExecSession(Loop& loop, SessionEnds ends,
                                             Task<Result<init::ExecExited>> call,
                                             std::function<void()> kill) {
  return std::make_unique<CommandSession>(loop, std::move(ends), std::move(call), std::move(kill));
}

std::unique_ptr<ExecSession> MakeAttachSession(Loop& loop, SessionEnds ends,
                                               std::function<void()> close_input) {
  return std::make_unique<AttachSession>(loop, std::move(ends), std::move(close_input));
}

}  // namespace wherry::nodeagent::runtime::native
