#include "nodeagent/init/child_setup.h"

#include "lib/linux/capabilities.h"
#include "lib/linux/file.h"
#include "lib/linux/mount.h"
#include "nodeagent/init/exec_path.h"
#include "nodeagent/init/privileges.h"

#include <linux/keyctl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>

namespace wherry::nodeagent::init {
namespace {

using linux::Fd;

// Must already be true: "/" is the container's root. Links are resolved inside it and /proc's magic
// links are refused, so that no working directory leads outside (CVE-2024-21626).
Result<Fd> OpenWorkingDirectory(const std::string& path) {
  TRY(Fd root, linux::OpenDirectory(AT_FDCWD, "/"));
  auto directory = linux::MakeDirsInRoot(root.get(), path.empty() ? "/" : path, 0755);
  if (!directory.ok()) return std::move(directory).error().Wrap("working directory");
  return directory;
}

Status EnterWorkingDirectory(int directory) {
  if (::fchdir(directory) != 0) return ErrnoError(errno, "enter the working directory");
  char path[4096];
  // getcwd(2) says "(unreachable)…" for a directory outside the root.
  long length = ::syscall(SYS_getcwd, path, sizeof path);
  if (length < 0) return ErrnoError(errno, "read the working directory");
  if (path[0] != '/') {
    return MakeError(Reason::kInvalid, "the working directory is outside of the container");
  }
  return Ok();
}

void RaiseFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Keys of the node's services, which a session keyring holds, are none of the container's business.
Status LeaveSessionKeyring() {
  if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) >= 0) return Ok();
  if (errno == ENOSYS) return Ok();
  return ErrnoError(errno, "make a session keyring");
}

}  // namespace

Status CloseAllBut(std::vector<int> kept) {
  std::ranges::sort(kept);
  unsigned from = 3;
  for (int fd : kept) {
    auto next = static_cast<unsigned>(fd);
    if (fd < 0 || next < from) continue;
    if (next > from && ::syscall(SYS_close_range, from, next - 1, 0) != 0) {
      return ErrnoError(errno, "close_range");
    }
    from = next + 1;
  }
  if (::syscall(SYS_close_range, from, ~0u, 0) != 0) return ErrnoError(errno, "close_range");
  return Ok();
}

Status BecomeChild() {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  // The two that supervisors change; everything else has its default action.
  for (int signal : {SIGPIPE, SIGCHLD}) ::sigaction(signal, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
    return ErrnoError(errno, "set death signal");
  if (::setsid() < 0) return ErrnoError(errno, "setsid");
  TRY_STATUS(LeaveSessionKeyring());
  ::umask(022);
  RaiseFileLimit();
  return Ok();
}

Status JoinCgroups(const std::vector<Fd>& tasks) {
  for (const Fd& file : tasks) {
    if (::write(file.get(), "0", 1) != 1) return ErrnoError(errno, "enter a cgroup");
  }
  return Ok();
}

Status TakeStdio(const ChildStdio& stdio) {
  Fd null;
  if (stdio.in < 0) {
    TRY(null, linux::OpenAt(AT_FDCWD, "/dev/null", O_RDONLY));
  }
  int wanted[] = {stdio.in < 0 ? null.get() : stdio.in, stdio.out, stdio.err};
  for (int i = 0; i < 3; ++i) {
    if (::dup2(wanted[i], i) < 0) return ErrnoError(errno, "take over standard streams");
  }
  return Ok();
}

Status TakeTerminal(int report, bool console) {
  TRY(Fd master, linux::OpenAt(AT_FDCWD, "/dev/pts/ptmx", O_RDWR | O_NOCTTY));
  int unlock = 0;
  unsigned number = 0;
  if (::ioctl(master.get(), TIOCSPTLCK, &unlock) != 0 ||
      ::ioctl(master.get(), TIOCGPTN, &number) != 0) {
    return ErrnoError(errno, "open a terminal");
  }
  std::string path = "/dev/pts/" + std::to_string(number);
  TRY(Fd slave, linux::OpenAt(AT_FDCWD, path, O_RDWR | O_NOCTTY));
  if (console) {
    TRY(Fd mount, linux::CloneMount(AT_FDCWD, path, false));
    TRY(Fd target, linux::OpenAt(AT_FDCWD, "/dev/console", O_PATH | O_NOFOLLOW));
    TRY_STATUS(linux::PlaceMount(mount.get(), target.get()));
  }
  if (::ioctl(slave.get(), TIOCSCTTY, 0) != 0) return ErrnoError(errno, "take the terminal");
  FrameWriter writer;
  std::vector<Fd> fds;
  fds.push_back(std::move(master));
  writer.Push(std::string(1, static_cast<char>(ChildReport::kTerminal)), std::move(fds));
  TRY(bool sent, writer.Flush(report));
  CHECK(sent);
  ChildStdio stdio{.in = slave.get(), .out = slave.get(), .err = slave.get()};
  return TakeStdio(stdio);
}

Error RunProgram(const ContainerSpec& spec, const std::vector<std::string>& arguments,
                 const linux::SeccompProgram& default_filter, int report) {
  const Privileges& privileges = spec.privileges;
  TRY(Identity identity, LookUpIdentity(privileges));
  TRY(Fd directory, OpenWorkingDirectory(spec.working_directory));

  linux::SeccompProgram own_filter;
  const linux::SeccompProgram* filter = nullptr;
  if (privileges.default_seccomp) {
    filter = &default_filter;
    if (privileges.capabilities != linux::DefaultCapabilities()) {
      TRY(own_filter, linux::CompileDefaultProfile(privileges.capabilities));
      filter = &own_filter;
    }
  }
  std::vector<std::string> environment = spec.environment;
  if (::isatty(STDIN_FILENO) == 1) {
    if (FindVariable(environment, "TERM") == nullptr) environment.push_back("TERM=xterm");
    // The user may open it again by its name.
    if (::fchown(STDIN_FILENO, identity.uid, static_cast<gid_t>(-1)) != 0) {
      return ErrnoError(errno, "give the terminal to the user");
    }
  }
  if (FindVariable(environment, "HOME") == nullptr) {
    environment.push_back("HOME=" + (identity.home.empty() ? std::string("/") : identity.home));
  }
  // A directory that only the user may enter is tried again once it is the user who asks.
  bool entered = EnterWorkingDirectory(directory.get()).ok();
  if (entered) directory.Close();
  // Both are closed by a successful execve(2).
  TRY_STATUS(CloseAllBut({report, directory.get()}));
  TRY_STATUS(DropPrivileges(privileges, identity, filter));
  // Becoming another user clears it.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
    return ErrnoError(errno, "set death signal");
  if (!entered) TRY_STATUS(EnterWorkingDirectory(directory.get()));
  Error error = Execute(arguments, environment);
  error.os_errno = -1;  // marks that it is the program that cannot run
  return error;
}

void FailChild(int report, const Error& error, ChildReport kind) {
  if (error.reason == Reason::kInvalid) kind = ChildReport::kInvalid;
  if (error.os_errno == -1) kind = ChildReport::kCannotRun;
  FrameWriter writer;
  writer.Push(static_cast<char>(kind) + error.message, {});
  Ignore(writer.Flush(report), "nobody is left to be told");
  ::_exit(1);
}

}  // namespace wherry::nodeagent::init
