#include "nodeagent/init/launcher.h"

#include "lib/linux/capabilities.h"
#include "lib/linux/file.h"
#include "lib/linux/mount.h"
#include "lib/linux/seccomp.h"
#include "nodeagent/init/child.h"
#include "nodeagent/init/container_root.h"
#include "nodeagent/init/frames.h"
#include "nodeagent/init/protocol.h"
#include "nodeagent/init/supervisor.h"

#include <linux/mount.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

extern "C" int umount2(const char* target, int flags) noexcept;

namespace wherry::nodeagent::init {
namespace {

using linux::Fd;

constexpr int kDetach = 2;                      // MNT_DETACH
constexpr unsigned long kPrivate = 1u << 18;    // MS_PRIVATE
constexpr unsigned long kRecursive = 1u << 14;  // MS_REC

extern "C" int mount(const char* source, const char* target, const char* type, unsigned long flags,
                     const void* data) noexcept;

// Leaves the node's mounts behind. Afterwards "/" is an empty read-only file system with the
// directories that supervisors and containers mount on. Returns the node's /proc, unplaced.
Result<Fd> LeaveNodeMounts() {
  if (::unshare(CLONE_NEWNS) != 0) return ErrnoError(errno, "unshare the mount namespace");
  if (mount("none", "/", nullptr, kPrivate | kRecursive, nullptr) != 0) {
    return ErrnoError(errno, "make mounts private");
  }
  TRY(Fd proc,
      linux::MakeMount("proc", {}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  TRY(Fd root, linux::MakeMount("tmpfs", {{"mode", "755"}, {"size", "64k"}}, 0));
  for (const char* directory : {"root", "shm"}) {
    if (::mkdirat(root.get(), directory, 0755) != 0) {
      return ErrnoError(errno, std::string("make directory '") + directory + "'");
    }
  }
  // Any directory will do to put it on; /proc is always there.
  TRY(Fd place, linux::OpenDirectory(AT_FDCWD, "/proc"));
  TRY_STATUS(linux::PlaceMount(root.get(), place.get()));
  if (::fchdir(root.get()) != 0) return ErrnoError(errno, "enter the empty root");
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return ErrnoError(errno, "pivot_root");
  if (::umount2(".", kDetach) != 0) return ErrnoError(errno, "unmount the node's root");
  if (::chdir("/") != 0) return ErrnoError(errno, "enter '/'");
  TRY_STATUS(linux::SetMountAttributes(root.get(), MOUNT_ATTR_RDONLY, 0, false));
  return proc;
}

int Fail(const Error& error) {
  std::fprintf(stderr, "wherry-init: %s\n", error.message.c_str());
  return 1;
}

struct Answer {
  SupervisorStarted message;
  std::vector<Fd> fds;
};

// In the child of the launcher; never returns. `null` is /dev/null of the node.
[[noreturn]] void SuperviseAndExit(StartSupervisor request, std::vector<Fd> fds, PodContext pod,
                                   const Fd& null) {
  ::setsid();
  for (size_t i = fds.size() - request.tasks_count; i < fds.size(); ++i) {
    if (::write(fds[i].get(), "0", 1) != 1) {
      std::fprintf(stderr, "wherry-init: a supervisor stays in the agent's cgroup\n");
    }
  }
  // Whoever reads the agent's output must see its end when the agent ends.
  for (int fd = 0; fd < 3; ++fd) ::dup2(null.get(), fd);
  int code = 1;
  {
    Supervisor supervisor(std::move(request), std::move(fds[0]), std::move(fds[1]),
                          std::move(fds[2]), std::move(pod));
    code = supervisor.Run();
  }
  ::_exit(code);
}

}  // namespace

int RunLauncher(Fd control) {
  ::prctl(PR_SET_NAME, "wherry-launch", 0, 0, 0);
  // Supervisors and their children inherit it up to execve(2): a child that has a container's
  // privileges already must not be open to that container by /proc/<pid>.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return Fail(ErrnoError(errno, "PR_SET_DUMPABLE"));
  ::signal(SIGCHLD, SIG_IGN);  // supervisors are not waited for; the agent watches their pidfds
  ::signal(SIGPIPE, SIG_IGN);
  auto null = linux::OpenAt(AT_FDCWD, "/dev/null", O_RDWR);
  if (!null.ok()) return Fail(null.error());
  auto proc = LeaveNodeMounts();
  if (!proc.ok()) return Fail(proc.error());
  auto filter = linux::CompileDefaultProfile(linux::DefaultCapabilities());
  if (!filter.ok()) return Fail(filter.error());
  PodContext pod;
  pod.default_filter = std::move(*filter);
  pod.proc = std::move(*proc);

  FrameReader reader;
  FrameWriter writer;
  for (;;) {
    auto open = reader.ReadSome(control.get());
    if (!open.ok() || !*open) return 0;
    while (auto frame = reader.Next()) {
      auto request = Decode<StartSupervisor>(frame->body);
      if (TypeOf(frame->body) != MessageType::kStartSupervisor || !request.ok() ||
          frame->fds.size() != 3 + (request->has_unified ? 1u : 0u) + request->tasks_count) {
        return Fail(MakeError(Reason::kBadRequest, "malformed request from the agent"));
      }
      Answer answer;
      answer.message.sequence = request->sequence;
      Fd pidfd;
      auto pid = CloneProcess(0, request->has_unified ? frame->fds[3].get() : -1, pidfd);
      if (pid.ok() && *pid == 0) {
        control.Close();
        SuperviseAndExit(std::move(*request), std::move(frame->fds), std::move(pod), *null);
      }
      if (pid.ok()) {
        answer.message.pid = *pid;
        answer.fds.push_back(std::move(pidfd));
      } else {
        answer.message.error = pid.error().message;
      }
      writer.Push(Encode(MessageType::kSupervisorStarted, answer.message), std::move(answer.fds));
      if (auto sent = writer.Flush(control.get()); !sent.ok()) return 0;
    }
  }
}

}  // namespace wherry::nodeagent::init
