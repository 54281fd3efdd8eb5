#include "cli/process.h"

#include "cli/files.h"
#include "cli/free_memory.h"
#include "lib/base/error.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_failure.h"
#include "lib/loop/task_scope.h"
#include "lib/telemetry/log.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>

namespace wherry::cli {
namespace {

using namespace std::chrono_literals;
constexpr telemetry::Logger kLog("process");

// SIGTERM and SIGINT as a readable fd; SIGPIPE is ignored: broken connections are errors of
// write(2).
Result<int> OpenSignalFd() {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  if (::sigprocmask(SIG_BLOCK, &signals, nullptr) != 0) return ErrnoError(errno, "sigprocmask");
  const int fd = ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) return ErrnoError(errno, "signalfd");
  return fd;
}

Task<void> NextSignal(Loop& loop, int fd) {
  co_await FdReady(loop, fd, Loop::FdEvent::kReadable);
  signalfd_siginfo info;
  Ignore(::read(fd, &info, sizeof info), "only that a signal came matters");
}

Task<Result<Unit>> AsResult(Task<void> task) {
  co_await std::move(task);
  co_return Unit{};
}

Task<void> ExitOnSecondSignal(Loop& loop, int fd) {
  co_await NextSignal(loop, fd);
  ::_exit(130);
}

Task<void> Live(World& world, int signal_fd, std::function<Task<Status>()> start,
                std::function<Task<void>()> stop, int* exit_code) {
  auto started = co_await start();
  if (started.ok()) {
    co_await NextSignal(world.loop, signal_fd);
    *exit_code = 0;
  } else {
    PrintError(started.error());
    *exit_code = 1;
  }
  TaskScope impatience(world.loop);
  impatience.Spawn("second signal", ExitOnSecondSignal(world.loop, signal_fd));
  auto stopped = co_await WithTimeout(world.loop, 10s, AsResult(stop()));
  if (!stopped.ok()) std::fprintf(stderr, "wherry: not everything stopped within 10 s\n");
  world.loop.Stop();
}

Task<void> Once(World& world, std::function<Task<Status>()> task, int* exit_code) {
  auto status = co_await task();
  if (!status.ok()) PrintError(status.error());
  *exit_code = status.ok() ? 0 : 1;
  world.loop.Stop();
}

// The usual soft limit of 1024 is kept low for the sake of select(2), which nothing here uses.
void RaiseFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 1 << 20);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// An informer or a worker that is gone would be missed by nobody: the process ends, and whoever
// supervises it starts it anew. Pods run on.
[[noreturn]] void EndOnTaskFailure(std::string_view task, std::string_view what) {
  kLog.Error("a task threw, which is a bug: ending", {{"task", task}, {"what", what}});
  std::abort();
}

}  // namespace

int RunUntilSignal(RealWorld& real, std::function<Task<Status>()> start,
                   std::function<Task<void>()> stop) {
  RaiseFileLimit();
  SetTaskFailureHook(EndOnTaskFailure);
  World& world = real.world();
  auto signal_fd = OpenSignalFd();
  if (!signal_fd.ok()) {
    PrintError(signal_fd.error());
    return 1;
  }
  int exit_code = 1;
  {
    TaskScope scope(world.loop);
    scope.Spawn("give memory back", GiveMemoryBack(world));
    scope.Spawn("process", Live(world, *signal_fd, std::move(start), std::move(stop), &exit_code));
    world.loop.Run();
  }
  ::close(*signal_fd);
  return exit_code;
}

int RunToEnd(RealWorld& real, std::function<Task<Status>()> task) {
  World& world = real.world();
  int exit_code = 1;
  TaskScope scope(world.loop);
  scope.Spawn("command", Once(world, std::move(task), &exit_code));
  world.loop.Run();
  return exit_code;
}

void PrintError(const Error& error) { std::fprintf(stderr, "wherry: %s\n", error.message.c_str()); }

std::string HostName() {
  utsname names{};
  ::uname(&names);
  std::string name = names.nodename;
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

int64_t MillisecondsSinceStart() {
  auto stat = ReadFile("/proc/self/stat");
  if (!stat.ok()) return 0;
  // Field 22, counted after the command's closing parenthesis (which may itself hold spaces):
  // proc(5).
  const size_t command_end = stat->rfind(')');
  long long start_ticks = 0;
  int field = 2;
  for (size_t at = command_end + 1; at < stat->size(); ++at) {
    if ((*stat)[at] == ' ' && ++field == 22) {
      start_ticks = std::atoll(stat->c_str() + at + 1);
      break;
    }
  }
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  const int64_t now_ms = static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
  return now_ms - start_ticks * 1000 / ::sysconf(_SC_CLK_TCK);
}

std::string ExecutableDirectory() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "." : path.parent_path().string();
}

}  // namespace wherry::cli
