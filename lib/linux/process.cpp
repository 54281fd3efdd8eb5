#include "lib/linux/process.h"

#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace wherry::linux {

Result<Pidfd> Pidfd::Open(pid_t pid) {
  long fd = ::syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) {
    Error error = ErrnoError(errno, "pidfd_open " + std::to_string(pid));
    if (error.os_errno == ESRCH) error.reason = Reason::kNotFound;
    return error;
  }
  return Pidfd(Fd(static_cast<int>(fd)));
}

Status Pidfd::Signal(int signal) const {
  if (::syscall(SYS_pidfd_send_signal, fd_.get(), signal, nullptr, 0) == 0) return Ok();
  Error error = ErrnoError(errno, "send signal " + std::to_string(signal));
  if (error.os_errno == ESRCH) error.reason = Reason::kNotFound;
  return error;
}

bool Pidfd::HasEnded() const {
  pollfd poll_fd{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&poll_fd, 1, 0) == 1;
}

Result<Process> Process::Spawn(const Options& options) {
  std::vector<char*> argv;
  for (const std::string& argument : options.arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  std::vector<char*> envp;
  for (const std::string& variable : options.environment) {
    envp.push_back(const_cast<char*>(variable.c_str()));
  }
  envp.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const auto& [ours, theirs] : options.inherit) {
    posix_spawn_file_actions_adddup2(&actions, ours, theirs);
  }
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  sigset_t all;
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  if (options.new_session) flags |= POSIX_SPAWN_SETSID;
  posix_spawnattr_setflags(&attributes, static_cast<short>(flags));

  Process process;
  int error =
      ::posix_spawn(&process.pid_, argv[0], &actions, &attributes, argv.data(), envp.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    process.pid_ = -1;
    return ErrnoError(error, "start '" + options.arguments[0] + "'");
  }
  // The child is not reaped before Reap, so its number still means it.
  auto pidfd = Pidfd::Open(process.pid_);
  if (!pidfd.ok()) return std::move(pidfd).error();
  process.pidfd_ = std::move(pidfd).value();
  return process;
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    Process old(std::move(*this));
    pid_ = std::exchange(other.pid_, -1);
    pidfd_ = std::move(other.pidfd_);
  }
  return *this;
}

Process::~Process() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  Ignore(Reap(), "it is dead; its status does not matter any more");
}

Result<int> Process::Reap() {
  int status = 0;
  for (;;) {
    pid_t reaped = ::waitpid(pid_, &status, 0);
    if (reaped == pid_) break;
    if (errno != EINTR) {
      int error = errno;
      pid_ = -1;
      return ErrnoError(error, "wait for a child process");
    }
  }
  pid_ = -1;
  return status;
}

}  // namespace wherry::linux
