// Runs containers through the native runtime and prints percentiles per step, checking every exit
// code. Usage, as root: runtime_bench [rounds [directory]]. Works in namespaces of its own below
// /tmp. ext4 looks at every inode deleted in the last five seconds when it makes a new one, so long
// runs on a busy disk measure that; a directory on tmpfs leaves it out.

#include "lib/linux/cgroup.h"
#include "lib/linux/file.h"
#include "lib/linux/temp_dir.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "nodeagent/images/import.h"
#include "nodeagent/runtime/native/native_runtime.h"

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace wherry;
using namespace wherry::nodeagent;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "runtime_bench: %s\n", result.error().message.c_str());
    std::exit(1);
  }
  return std::move(result).value();
}

class Samples {
 public:
  void Add(const std::string& step, Clock::duration took) {
    if (!times_.contains(step)) order_.push_back(step);
    times_[step].push_back(std::chrono::duration<double, std::milli>(took).count());
  }
  void Print() {
    std::printf("%-44s %8s %8s %8s %8s\n", "ms", "min", "p50", "p90", "max");
    for (const std::string& step : order_) {
      auto& list = times_[step];
      std::ranges::sort(list);
      std::printf("%-44s %8.2f %8.2f %8.2f %8.2f\n", step.c_str(), list.front(),
                  list[list.size() / 2], list[list.size() * 9 / 10], list.back());
    }
  }

 private:
  std::vector<std::string> order_;
  std::map<std::string, std::vector<double>> times_;
};

class Bench {
 public:
  explicit Bench(const std::string& parent) : scope_(real_.world().loop) {
    directory_.emplace(Must(linux::TempDir::Make(parent, "wherry-bench-")));
    std::string root = Path("root");
    for (const char* name : {"/bin", "/etc"}) {
      Must(linux::MakeDirs(AT_FDCWD, root + name, 0755));
    }
    linux::Fd bin = Must(linux::OpenDirectory(AT_FDCWD, root + "/bin"));
    std::string busybox = Must(linux::ReadFile(AT_FDCWD, "/bin/busybox"));
    Must(linux::ReplaceFile(bin.get(), "busybox", busybox, 0755, linux::Durability::kPageCache));
    store_.emplace(Must(images::ImageStore::Open(Path("images"))));
    auto name = Must(images::ParseImageReference("busybox"));
    image_id_ = Must(images::ImportImageFrom(*store_, &name, root)).image.id;
  }

  void Open(bool with_network) {
    network_.reset();
    if (with_network) {
      network_ =
          Must(network::PodNetwork::Open({.directory = Path("ipam"),
                                          .pod_cidr = Must(linux::ParseIpv4Prefix("10.199.0.0/16")),
                                          .bridge = "wherry0"}));
    }
    cgroup_parent_ = directory_->path().substr(directory_->path().find_last_of('/') + 1);
    runtime_ = Must(runtime::native::NativeRuntime::Open(real_.world(),
                                                         {.state_directory = Path("runtime"),
                                                          .init_program = WHERRY_INIT_PROGRAM,
                                                          .cgroup_parent = cgroup_parent_},
                                                         *store_, network_.get()));
    runtime_->SetListener([this](const runtime::ContainerEvent& event) {
      if (event.status.state != runtime::ContainerState::kExited) return;
      ++exits_;
      if (event.status.exit_code != expected_exit_) wrong_ = true;
    });
  }
  void Close() {
    runtime_.reset();
    auto cgroup = Must(Must(linux::CgroupHierarchy::Detect()).Open(cgroup_parent_));
    Must(cgroup.Remove());
    network_.reset();
  }

  runtime::SandboxConfig Sandbox(const std::string& uid) {
    return {.uid = uid,
            .name = uid,
            .ns = "bench",
            .hostname = uid,
            .qos_class = "Burstable",
            .resources = {.cpu_shares_milli = 100,
                          .cpu_limit_milli = 1000,
                          .memory_limit_bytes = 64 << 20,
                          .pids_limit = 64}};
  }
  runtime::ContainerConfig Container(std::vector<std::string> command, const std::string& uid) {
    runtime::ContainerConfig config{
        .name = "c", .image_id = image_id_, .command = std::move(command)};
    config.log_path = Path("logs/" + uid + "/0.log");
    config.resources = {.cpu_shares_milli = 100,
                        .cpu_limit_milli = 1000,
                        .memory_limit_bytes = 64 << 20,
                        .pids_limit = 64};
    config.security.masked_paths = {"/proc/acpi",          "/proc/kcore",      "/proc/keys",
                                    "/proc/latency_stats", "/proc/timer_list", "/proc/sched_debug",
                                    "/proc/scsi",          "/sys/firmware"};
    config.security.readonly_paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                      "/proc/sysrq-trigger"};
    return config;
  }

  // One pod with one container that ends at once, and everything taken away again.
  Task<void> RunToExit(std::string uid, std::string prefix) {
    expected_exit_ = 3;
    auto begin = Clock::now();
    Must(co_await runtime_->RunPodSandbox(Sandbox(uid)));
    auto sandbox = Clock::now();
    int exits = exits_;
    Must(co_await runtime_->StartContainer(uid,
                                           Container({"/bin/busybox", "sh", "-c", "exit 3"}, uid)));
    auto started = Clock::now();
    while (exits_ == exits) co_await SleepFor(real_.world().loop, 20us);
    auto exited = Clock::now();
    Must(co_await runtime_->RemovePodSandbox(uid));
    auto removed = Clock::now();
    samples_.Add(prefix + "sandbox made", sandbox - begin);
    samples_.Add(prefix + "container started", started - sandbox);
    samples_.Add(prefix + "exited and told", exited - started);
    samples_.Add(prefix + "start to exit, all", exited - begin);
    samples_.Add(prefix + "removed", removed - exited);
  }

  // A container in a pod that is there already, as a restart would be.
  Task<void> RunInPod(std::string uid, int rounds) {
    Must(co_await runtime_->RunPodSandbox(Sandbox(uid)));
    for (int i = 0; i < rounds; ++i) {
      auto config = Container({"/bin/busybox", "sh", "-c", "exit 3"}, uid);
      config.attempt = i;
      int exits = exits_;
      auto begin = Clock::now();
      Must(co_await runtime_->StartContainer(uid, config));
      while (exits_ == exits) co_await SleepFor(real_.world().loop, 20us);
      samples_.Add("container in a pod, run to exit", Clock::now() - begin);
      Must(co_await runtime_->RemoveContainer(uid, "c", i));
    }
    auto sleeper = Container({"/bin/busybox", "sleep", "1000"}, uid);
    sleeper.attempt = rounds;
    Must(co_await runtime_->StartContainer(uid, sleeper));
    for (int i = 0; i < rounds; ++i) {
      auto begin = Clock::now();
      auto result = Must(co_await runtime_->ExecSync(uid, "c", {"/bin/busybox", "echo", "x"}, 5s));
      if (result.output != "x\n") wrong_ = true;
      samples_.Add("exec in a container", Clock::now() - begin);
    }
    expected_exit_ = 137;
    Must(co_await runtime_->RemovePodSandbox(uid));
    expected_exit_ = 3;
  }

  Task<void> One(std::string uid, int* done) {
    Must(co_await runtime_->RunPodSandbox(Sandbox(uid)));
    Must(co_await runtime_->StartContainer(uid, Container({"/bin/busybox", "sleep", "1000"}, uid)));
    ++*done;
  }
  Task<void> Stop(std::string uid, int* done) {
    Must(co_await runtime_->RemovePodSandbox(uid));
    ++*done;
  }
  Task<void> Many(int count) {
    expected_exit_ = 137;
    int done = 0;
    auto begin = Clock::now();
    for (int i = 0; i < count; ++i) scope_.Spawn("one", One("many" + std::to_string(i), &done));
    while (done < count) co_await SleepFor(real_.world().loop, 100us);
    samples_.Add(std::to_string(count) + " pods at once, all running", Clock::now() - begin);
    PrintMemory(count);
    done = 0;
    begin = Clock::now();
    for (int i = 0; i < count; ++i) scope_.Spawn("stop", Stop("many" + std::to_string(i), &done));
    while (done < count) co_await SleepFor(real_.world().loop, 100us);
    samples_.Add(std::to_string(count) + " pods at once, all removed", Clock::now() - begin);
    expected_exit_ = 3;
  }

  void Drive(Task<void> task) {
    bool done = false;
    scope_.Spawn("drive", Finish(std::move(task), &done));
    real_.world().loop.Run();
  }
  int Report() {
    samples_.Print();
    if (wrong_) std::printf("FAILED: a container ended otherwise than it should\n");
    return wrong_ ? 1 : 0;
  }

 private:
  std::string Path(const std::string& name) { return directory_->path() + "/" + name; }
  Task<void> Finish(Task<void> task, bool* done) {
    co_await std::move(task);
    *done = true;
    real_.world().loop.Stop();
  }

  static long PssKb(const std::string& pid) {
    auto text = linux::ReadFile(AT_FDCWD, "/proc/" + pid + "/smaps_rollup");
    if (!text.ok()) return 0;
    size_t at = text->find("\nPss:");
    return at == std::string::npos ? 0 : std::atol(text->c_str() + at + 5);
  }
  // What supervisors cost: the sum of their proportional set sizes.
  void PrintMemory(int pods) {
    long total = 0;
    Must(linux::ForEachEntry(
        AT_FDCWD, "/proc", [&](const std::string& pid, unsigned char) -> Status {
          auto name = linux::ReadFile(AT_FDCWD, "/proc/" + pid + "/comm");
          if (name.ok() && (*name == "wherry-pod\n" || *name == "wherry-launch\n"))
            total += PssKb(pid);
          return Ok();
        }));
    std::printf("supervisors of %d pods and the launcher: %ld KiB (PSS), %ld KiB per pod\n", pods,
                total, total / pods);
  }

  RealWorld real_;
  TaskScope scope_;
  std::optional<linux::TempDir> directory_;
  std::optional<images::ImageStore> store_;
  std::unique_ptr<network::PodNetwork> network_;
  std::unique_ptr<runtime::native::NativeRuntime> runtime_;
  std::string image_id_;
  std::string cgroup_parent_;
  Samples samples_;
  int exits_ = 0;
  int expected_exit_ = 3;
  bool wrong_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  int rounds = argc > 1 ? std::atoi(argv[1]) : 50;
  if (::unshare(CLONE_NEWNS | CLONE_NEWNET) != 0 ||
      ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    std::perror("runtime_bench needs root");
    return 1;
  }
  Bench bench(argc > 2 ? argv[2] : "/tmp");
  bench.Open(false);
  for (int i = 0; i < rounds; ++i) {
    bench.Drive(bench.RunToExit("plain" + std::to_string(i), "no veth: "));
  }
  bench.Drive(bench.RunInPod("restarts", rounds));
  bench.Close();
  bench.Open(true);
  for (int i = 0; i < rounds; ++i) {
    bench.Drive(bench.RunToExit("net" + std::to_string(i), "bridge: "));
  }
  bench.Drive(bench.Many(50));
  bench.Close();
  return bench.Report();
}
