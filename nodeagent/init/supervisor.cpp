#include "nodeagent/init/supervisor.h"

#include "lib/linux/file.h"
#include "lib/linux/mount.h"
#include "nodeagent/init/container_root.h"
#include "nodeagent/init/pod_network.h"
#include "nodeagent/init/supervisor_name.h"
#include "nodeagent/init/supervisor_state.h"

#include <linux/mount.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>

namespace wherry::nodeagent::init {

using linux::Fd;

constexpr int kBacklog = 4;

namespace {

// A command and what it started. It may not have come as far as making its session.
void KillSession(pid_t leader) {
  ::kill(-leader, SIGKILL);
  ::kill(leader, SIGKILL);
}

}  // namespace

Supervisor::Supervisor(StartSupervisor spec, Fd control, Fd listener, Fd state, PodContext pod)
    : spec_(std::move(spec)),
      control_(std::move(control)),
      listener_(std::move(listener)),
      state_(std::move(state)),
      pod_(std::move(pod)) {
  pod_.host_pid = spec_.host_pid;
}

Supervisor::~Supervisor() = default;

int Supervisor::Run() {
  auto made = MakeSandbox();
  if (!made.ok()) {
    SendSnapshot(made.error().message);
    return 1;
  }
  int control = control_.get();
  poller_.Watch(control, EPOLLIN, [this](uint32_t events) { OnControl(events); });
  poller_.Watch(listener_.get(), EPOLLIN, [this](uint32_t) { OnConnection(); });
  poller_.Watch(signals_.get(), EPOLLIN, [this](uint32_t) { OnChildren(); });
  SendSnapshot("");
  while (!ending_) poller_.RunOnce();
  return 0;
}

Status Supervisor::MakeSandbox() {
  ::prctl(PR_SET_NAME, kSupervisorName, 0, 0, 0);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGCHLD, SIG_DFL);
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  if (::sigprocmask(SIG_BLOCK, &children, nullptr) != 0) return ErrnoError(errno, "block SIGCHLD");
  signals_ = Fd(::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.valid()) return ErrnoError(errno, "signalfd");
  TRY(poller_, Poller::Make());
  // Again, though the agent did: whoever connects is told the number of the process that did last.
  if (::listen(listener_.get(), kBacklog) != 0) return ErrnoError(errno, "listen for agents");

  // The socket into the node's network must be opened before that is left.
  std::optional<linux::RouteSocket> host;
  if (!spec_.host_network) {
    TRY(linux::RouteSocket socket, linux::RouteSocket::Open());
    host.emplace(std::move(socket));
  }
  int flags = CLONE_NEWNS;
  if (!spec_.host_network) flags |= CLONE_NEWNET | CLONE_NEWUTS;
  if (!spec_.host_ipc) flags |= CLONE_NEWIPC;
  if (::unshare(flags) != 0) return ErrnoError(errno, "unshare the pod's namespaces");

  if (!spec_.host_network) {
    if (::sethostname(spec_.hostname.data(), spec_.hostname.size()) != 0) {
      return ErrnoError(errno, "set hostname '" + spec_.hostname + "'");
    }
    auto network = SetUpPodNetwork(spec_.network, *host);
    if (!network.ok()) return std::move(network).error().Wrap("set up the pod's network");
  }
  TRY(Fd shm, linux::MakeMount("tmpfs", {{"mode", "1777"}, {"size", "65536k"}},
                               MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  TRY(Fd place, linux::OpenDirectory(AT_FDCWD, kPodShm));
  TRY_STATUS(linux::PlaceMount(shm.get(), place.get()));
  TRY_STATUS(WriteSysctls());
  if (spec_.share_process_namespace) {
    TRY(reaper_, StartPodReaper());
    TRY(pod_.pid_namespace, OpenPidNamespace(pod_, reaper_.pid));
  }
  return Ok();
}

Status Supervisor::WriteSysctls() {
  for (const auto& [name, value] : spec_.sysctls) {
    std::string path = name;
    std::ranges::replace(path, '.', '/');
    auto written = linux::WriteValue(pod_.proc.get(), "sys/" + path, value);
    if (!written.ok()) return std::move(written).error().Wrap("set sysctl '" + name + "'");
  }
  return Ok();
}

void Supervisor::OnConnection() {
  Fd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!connection.valid()) return;
  // There is one agent: a new connection means that the earlier one is over.
  Disconnect();
  OrphanCalls();
  control_ = std::move(connection);
  poller_.Watch(control_.get(), EPOLLIN, [this](uint32_t events) { OnControl(events); });
  snapshot_due_ = true;
  SendDueSnapshot();
}

void Supervisor::OrphanCalls() {
  for (auto& [id, exec] : execs_) {
    exec->orphaned = true;
    KillSession(exec->child.pid);
    orphans_.push_back(std::move(exec));
  }
  execs_.clear();
  for (const auto& container : containers_) container->start_sequence = kNobodyWaits;
}

void Supervisor::SendDueSnapshot() {
  auto starting = [](const auto& container) { return container->starting; };
  if (!snapshot_due_ || std::ranges::any_of(containers_, starting)) return;
  snapshot_due_ = false;
  SendSnapshot("");
}

void Supervisor::Disconnect() {
  if (!control_.valid()) return;
  poller_.Forget(control_.get());
  control_.Close();
  reader_ = FrameReader();
  writer_ = FrameWriter();
  snapshot_due_ = false;
  // Without the directory no agent will ever find this pod again.
  struct stat directory{};
  if (!ending_ && ::fstat(state_.get(), &directory) == 0 && directory.st_nlink == 0) {
    ShutDown(kNobodyWaits);
  }
}

void Supervisor::OnControl(uint32_t events) {
  if ((events & EPOLLOUT) != 0) {
    auto flushed = writer_.Flush(control_.get());
    if (!flushed.ok()) return Disconnect();
    if (*flushed) {
      poller_.Watch(control_.get(), EPOLLIN, [this](uint32_t later) { OnControl(later); });
    }
  }
  if ((events & ~static_cast<uint32_t>(EPOLLOUT)) == 0) return;
  auto open = reader_.ReadSome(control_.get());
  if (!open.ok() && open.error().reason == Reason::kTimeout) return;
  if (!open.ok() || !*open) return Disconnect();
  while (auto frame = reader_.Next()) {
    Handle(std::move(*frame));
    if (!control_.valid()) return;
  }
}

void Supervisor::SendBody(std::string body, std::vector<Fd> fds) {
  if (!control_.valid()) return;
  writer_.Push(std::move(body), std::move(fds));
  auto flushed = writer_.Flush(control_.get());
  if (!flushed.ok()) return;  // the read side will see the end as well
  if (!*flushed) {
    poller_.Watch(control_.get(), EPOLLIN | EPOLLOUT, [this](uint32_t e) { OnControl(e); });
  }
}

void Supervisor::SendSnapshot(const std::string& error) {
  Snapshot snapshot{.pid = ::getpid(), .error = error};
  for (const auto& container : containers_) {
    if (!container->forgotten) snapshot.containers.push_back(container->record);
  }
  Send(MessageType::kSnapshot, snapshot);
}

void Supervisor::Handle(Frame frame) {
  auto dispatch = [&]<typename T>(auto&& handler, T*) {
    auto message = Decode<T>(frame.body);
    if (message.ok()) {
      handler(std::move(*message));
    } else {
      Disconnect();
    }
  };
  switch (TypeOf(frame.body)) {
    case MessageType::kStartContainer:
      return dispatch([&](StartContainer m) { Start(std::move(m), std::move(frame.fds)); },
                      static_cast<StartContainer*>(nullptr));
    case MessageType::kSignalContainer:
      return dispatch([&](SignalContainer m) { Send(MessageType::kDone, SignalOne(m)); },
                      static_cast<SignalContainer*>(nullptr));
    case MessageType::kForgetContainer:
      return dispatch([&](ForgetContainer m) { Send(MessageType::kDone, ForgetOne(m)); },
                      static_cast<ForgetContainer*>(nullptr));
    case MessageType::kExec:
      return dispatch([&](Exec m) { StartExec(m, std::move(frame.fds)); },
                      static_cast<Exec*>(nullptr));
    case MessageType::kKillExec:
      return dispatch(
          [&](KillExec m) {
            auto found = execs_.find(m.id);
            // The whole session: what it started must not outlive the time limit.
            if (found != execs_.end()) KillSession(found->second->child.pid);
          },
          static_cast<KillExec*>(nullptr));
    case MessageType::kAttach:
      return dispatch([&](Attach m) { StartAttach(m); }, static_cast<Attach*>(nullptr));
    case MessageType::kCloseInput:
      return dispatch([&](CloseInput m) { CloseInputOf(m); }, static_cast<CloseInput*>(nullptr));
    case MessageType::kOpenSocket:
      return dispatch([&](OpenSocket m) { OpenSocketFor(m); }, static_cast<OpenSocket*>(nullptr));
    case MessageType::kShutdown:
      return dispatch([&](Shutdown m) { ShutDown(m.sequence); }, static_cast<Shutdown*>(nullptr));
    default:
      return Disconnect();
  }
}

void Supervisor::OnChildren() {
  signalfd_siginfo info;
  while (::read(signals_.get(), &info, sizeof info) > 0) {
  }
  for (;;) {
    int status = 0;
    pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return;
    auto container = std::ranges::find_if(
        containers_, [&](const auto& c) { return c->alive && c->child.pid == pid; });
    if (container != containers_.end()) {
      OnContainerExit(**container, status);
      continue;
    }
    auto exec = std::ranges::find_if(
        execs_, [&](const auto& entry) { return entry.second->child.pid == pid; });
    if (exec != execs_.end()) OnExecExit(*exec->second, status);
    auto orphan =
        std::ranges::find_if(orphans_, [&](const auto& o) { return o->child.pid == pid; });
    if (orphan == orphans_.end()) continue;
    while ((*orphan)->child.report.valid()) OnExecReport(**orphan);
    orphans_.erase(orphan);
  }
}

void Supervisor::ShutDown(uint64_t sequence) {
  for (const auto& container : containers_) {
    if (container->alive) ::kill(container->child.pid, SIGKILL);
  }
  for (const auto& [id, exec] : execs_) KillSession(exec->child.pid);
  if (reaper_.pid > 0) ::kill(reaper_.pid, SIGKILL);
  auto alive = [&] {
    return std::ranges::any_of(containers_, [](const auto& c) { return c->alive; });
  };
  while (alive()) poller_.RunOnce();
  Send(MessageType::kDone, Done{.sequence = sequence});
  ending_ = true;
}

Supervisor::Container* Supervisor::Find(const std::string& name, int32_t attempt) {
  for (const auto& container : containers_) {
    if (container->Is(name, attempt)) return container.get();
  }
  return nullptr;
}

Done Supervisor::SignalOne(const SignalContainer& message) {
  Done done{.sequence = message.sequence};
  Container* container = Find(message.name, message.attempt);
  if (container == nullptr || !container->alive) return done;
  // Not reaped, so the number still means the container.
  if (::kill(container->child.pid, message.signal) != 0 && errno != ESRCH) {
    done.error = ErrnoError(errno, "signal container '" + message.name + "'").message;
  }
  return done;
}

Done Supervisor::ForgetOne(const ForgetContainer& message) {
  Done done{.sequence = message.sequence};
  Container* container = Find(message.name, message.attempt);
  if (container == nullptr) return done;
  if (container->alive && container->failure) {
    container->forgotten = true;
    return done;
  }
  if (container->alive) {
    done.error = "container '" + message.name + "' is running";
    return done;
  }
  Erase(*container);
  return done;
}

void Supervisor::Erase(Container& container) {
  for (const Fd* fd : {&container.output, &container.errors, &container.child.report}) {
    if (fd->valid()) poller_.Forget(fd->get());
  }
  ForgetTaps(container);
  std::erase_if(containers_, [&](const auto& c) { return c.get() == &container; });
}

}  // namespace wherry::nodeagent::init
