#include "nodeagent/init/child.h"

#include "lib/linux/capabilities.h"
#include "lib/linux/file.h"
#include "lib/linux/socket.h"
#include "nodeagent/init/child_setup.h"
#include "nodeagent/init/container_root.h"

#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace wherry::nodeagent::init {
namespace {

using linux::Fd;

// Makes children of the calling process be born in a PID namespace, and takes it back.
class ChildrenInPidNamespace {
 public:
  // `where` is a namespace or a pidfd of a process in it.
  static Result<ChildrenInPidNamespace> Enter(int where, const Fd& proc) {
    TRY(Fd own, linux::OpenAt(proc.get(), "self/ns/pid", O_RDONLY));
    if (::setns(where, CLONE_NEWPID) != 0) return ErrnoError(errno, "enter a PID namespace");
    return ChildrenInPidNamespace(std::move(own));
  }
  ChildrenInPidNamespace(ChildrenInPidNamespace&&) = default;
  ~ChildrenInPidNamespace() {
    if (own_.valid()) CHECK(::setns(own_.get(), CLONE_NEWPID) == 0);
  }

 private:
  explicit ChildrenInPidNamespace(Fd own) : own_(std::move(own)) {}
  Fd own_;
};

// Of a child that was just made. It does not do this itself: it would have to hold the node's
// /proc, where the container can see what it holds.
void SetOomScore(pid_t child, const ContainerSpec& spec, const PodContext& pod) {
  if (spec.oom_score_adj == 0) return;
  Ignore(linux::WriteValue(pod.proc.get(), std::to_string(child) + "/oom_score_adj",
                           std::to_string(spec.oom_score_adj)),
         "less than the caller's own needs CAP_SYS_RESOURCE");
}

// First of all: closes what the supervisor holds and this child does not need, which is `kept` and,
// until it is in them, the cgroups.
Status BecomeChildOf(const std::vector<Fd>& tasks, std::vector<int> kept) {
  std::vector<int> with_tasks = kept;
  for (const Fd& fd : tasks) with_tasks.push_back(fd.get());
  TRY_STATUS(CloseAllBut(std::move(with_tasks)));
  TRY_STATUS(JoinCgroups(tasks));
  if (!tasks.empty()) TRY_STATUS(CloseAllBut(std::move(kept)));
  return BecomeChild();
}

Error ContainerMain(const ContainerSpec& spec, const ContainerFiles& files, const ChildStdio& stdio,
                    const PodContext& pod, int report) {
  std::vector<int> needed = {stdio.in, stdio.out, stdio.err, report, files.root.get()};
  for (const Fd& mount : files.mounts) needed.push_back(mount.get());
  TRY_STATUS(BecomeChildOf(files.tasks, std::move(needed)));
  // In its cgroups by now, so that they are the root of what the namespace shows.
  if (::unshare(CLONE_NEWCGROUP) != 0) return ErrnoError(errno, "unshare the cgroup namespace");
  TRY_STATUS(EnterContainerRoot(spec, files));
  if (spec.tty) {
    TRY_STATUS(TakeTerminal(report, true));
  } else {
    TRY_STATUS(TakeStdio(stdio));
  }
  return RunProgram(spec, spec.arguments, pod.default_filter, report);
}

Error ExecMain(const Exec& exec, const ContainerSpec& spec, const ContainerFiles& files,
               int container_pidfd, const ChildStdio& stdio, const PodContext& pod, int report) {
  TRY_STATUS(BecomeChildOf(files.tasks, {stdio.in, stdio.out, stdio.err, report, container_pidfd}));
  if (::setns(container_pidfd, CLONE_NEWNS | CLONE_NEWCGROUP) != 0) {
    return ErrnoError(errno, "enter the container's namespaces");
  }
  if (exec.tty) {
    TRY_STATUS(TakeTerminal(report, false));
  } else {
    TRY_STATUS(TakeStdio(stdio));
  }
  return RunProgram(spec, exec.arguments, pod.default_filter, report);
}

struct ReportChannel {
  Fd ours;
  Fd childs;
};
Result<ReportChannel> MakeReportChannel() {
  TRY(auto pair, linux::StreamSocketPair(true));
  return ReportChannel{std::move(pair.first), std::move(pair.second)};
}

}  // namespace

Result<pid_t> CloneProcess(uint64_t flags, int unified, Fd& pidfd) {
  int raw_pidfd = -1;
  clone_args arguments{};
  arguments.flags = flags | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<uint64_t>(&raw_pidfd);
  arguments.exit_signal = SIGCHLD;
  if (unified >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<uint64_t>(unified);
  }
  long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0) return ErrnoError(errno, "clone3");
  if (pid > 0) pidfd = Fd(raw_pidfd);
  return static_cast<pid_t>(pid);
}

Result<StartedChild> StartContainerChild(const ContainerSpec& spec, const ContainerFiles& files,
                                         const ChildStdio& stdio, const PodContext& pod) {
  TRY(ReportChannel channel, MakeReportChannel());
  bool shared = pod.pid_namespace.valid();
  std::optional<ChildrenInPidNamespace> entered;
  if (shared) {
    TRY(auto inside, ChildrenInPidNamespace::Enter(pod.pid_namespace.get(), pod.proc));
    entered.emplace(std::move(inside));
  }
  uint64_t flags = CLONE_NEWNS;
  if (!shared && !pod.host_pid) flags |= CLONE_NEWPID;
  StartedChild child;
  TRY(child.pid, CloneProcess(flags, files.unified.get(), child.pidfd));
  if (child.pid == 0) {
    Error error = ContainerMain(spec, files, stdio, pod, channel.childs.get());
    FailChild(channel.childs.get(), error, ChildReport::kSetupFailed);
  }
  SetOomScore(child.pid, spec, pod);
  child.report = std::move(channel.ours);
  return child;
}

Result<StartedChild> StartExecChild(const Exec& exec, const ContainerSpec& spec,
                                    const ContainerFiles& files, int container_pidfd,
                                    const ChildStdio& stdio, const PodContext& pod) {
  TRY(ReportChannel channel, MakeReportChannel());
  std::optional<ChildrenInPidNamespace> entered;
  if (!pod.host_pid) {
    TRY(auto inside, ChildrenInPidNamespace::Enter(container_pidfd, pod.proc));
    entered.emplace(std::move(inside));
  }
  StartedChild child;
  TRY(child.pid, CloneProcess(0, files.unified.get(), child.pidfd));
  if (child.pid == 0) {
    Error error = ExecMain(exec, spec, files, container_pidfd, stdio, pod, channel.childs.get());
    FailChild(channel.childs.get(), error, ChildReport::kSetupFailed);
  }
  SetOomScore(child.pid, spec, pod);
  child.report = std::move(channel.ours);
  return child;
}

Result<Fd> OpenPidNamespace(const PodContext& pod, pid_t child) {
  return linux::OpenAt(pod.proc.get(), std::to_string(child) + "/ns/pid", O_RDONLY);
}

Result<StartedChild> StartPodReaper() {
  StartedChild child;
  TRY(child.pid, CloneProcess(CLONE_NEWPID | CLONE_NEWNS, -1, child.pidfd));
  if (child.pid > 0) return child;
  // It keeps its capabilities, so that no container may look into it, and sees an empty root.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  ::prctl(PR_SET_NAME, "wherry-pause", 0, 0, 0);
  if (::chroot(kNewRoot) != 0 || ::chdir("/") != 0) ::_exit(1);
  ::syscall(SYS_close_range, 0, ~0u, 0);
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGCHLD);
  ::sigprocmask(SIG_SETMASK, &wanted, nullptr);
  for (;;) {
    int signal = 0;
    ::sigwait(&wanted, &signal);
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
}

}  // namespace wherry::nodeagent::init
