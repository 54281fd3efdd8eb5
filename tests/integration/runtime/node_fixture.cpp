#include "tests/integration/runtime/node_fixture.h"

#include "lib/linux/cgroup.h"
#include "lib/linux/file.h"
#include "lib/linux/netlink.h"
#include "nodeagent/images/import.h"

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

namespace wherry::nodeagent::runtime {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 10s;
constexpr const char* kApplets[] = {
    "sh",    "cat",   "echo",   "sleep",    "true", "false",    "id",   "ls",    "mkdir",
    "mknod", "mount", "ip",     "ping",     "nc",   "kill",     "ps",   "touch", "env",
    "dd",    "grep",  "wc",     "test",     "head", "hostname", "stat", "ln",    "rm",
    "yes",   "pwd",   "sysctl", "readlink", "tty",  "trap",     "wget", "chmod"};

void MakeBusyboxRoot(const std::string& root) {
  ASSERT_TRUE(linux::MakeDirs(AT_FDCWD, root + "/bin", 0755).ok());
  ASSERT_TRUE(linux::MakeDirs(AT_FDCWD, root + "/etc", 0755).ok());
  ASSERT_TRUE(linux::MakeDirs(AT_FDCWD, root + "/tmp", 01777).ok());
  auto busybox = linux::ReadFile(AT_FDCWD, "/bin/busybox");
  ASSERT_TRUE(busybox.ok());
  auto bin = linux::OpenDirectory(AT_FDCWD, root + "/bin");
  auto etc = linux::OpenDirectory(AT_FDCWD, root + "/etc");
  using linux::Durability;
  ASSERT_TRUE(
      linux::ReplaceFile(bin->get(), "busybox", *busybox, 0755, Durability::kPageCache).ok());
  for (const char* applet : kApplets) {
    ASSERT_EQ(::symlinkat("busybox", bin->get(), applet), 0) << applet;
  }
  ASSERT_TRUE(linux::ReplaceFile(etc->get(), "passwd",
                                 "root:x:0:0:root:/root:/bin/sh\n"
                                 "app:x:1000:1001:app:/home/app:/bin/sh\n",
                                 0644, Durability::kPageCache)
                  .ok());
  ASSERT_TRUE(linux::ReplaceFile(etc->get(), "group", "root:x:0:\napp:x:1001:\nextra:x:2000:app\n",
                                 0644, Durability::kPageCache)
                  .ok());
}

bool AnyVeth() {
  bool any = false;
  auto listed = linux::ForEachEntry(AT_FDCWD, "/proc/sys/net/ipv4/conf",
                                    [&](const std::string& name, unsigned char) -> Status {
                                      any = any || name.starts_with("veth");
                                      return Ok();
                                    });
  return any || !listed.ok();
}

}  // namespace

bool EnterNamespaces() {
  return ::unshare(CLONE_NEWNS | CLONE_NEWNET) == 0 &&
         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

void NodeFixture::SetUp() {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  world_ = std::make_unique<RealWorld>();
  scope_ = std::make_unique<TaskScope>(world().loop);
  auto directory = linux::TempDir::Make("/tmp", "wherry-runtime-");
  ASSERT_TRUE(directory.ok());
  directory_.emplace(std::move(*directory));
  ASSERT_NO_FATAL_FAILURE(MakeBusyboxRoot(Path("root")));
  auto store = images::ImageStore::Open(Path("images"));
  ASSERT_TRUE(store.ok()) << store.error().message;
  store_.emplace(std::move(*store));
  auto name = images::ParseImageReference("busybox");
  auto image = images::ImportImageFrom(*store_, &*name, Path("root"));
  ASSERT_TRUE(image.ok()) << image.error().message;
  image_id_ = image->image.id;
  auto cidr = linux::ParseIpv4Prefix("10.199.0.0/24");
  auto network = network::PodNetwork::Open(
      {.directory = Path("ipam"), .pod_cidr = *cidr, .bridge = "wherry0"});
  ASSERT_TRUE(network.ok()) << network.error().message;
  network_ = std::move(*network);
  cgroup_parent_ = directory_->path().substr(5);
  OpenRuntime();
}

void NodeFixture::OpenRuntime() {
  options_.state_directory = Path("runtime");
  options_.init_program = WHERRY_INIT_PROGRAM;
  options_.cgroup_parent = cgroup_parent_;
  auto runtime = native::NativeRuntime::Open(world(), options_, *store_, network_.get());
  ASSERT_TRUE(runtime.ok()) << runtime.error().message;
  runtime_ = std::move(*runtime);
  runtime_->SetListener([this](const ContainerEvent& event) { events_.push_back(event); });
}

int NodeFixture::SupervisorOf(int pid) {
  auto stat = linux::ReadFile(AT_FDCWD, "/proc/" + std::to_string(pid) + "/stat");
  return stat.ok() ? std::stoi(stat->substr(stat->find(')') + 4)) : 0;
}

void NodeFixture::RestartRuntime() {
  scope_ = std::make_unique<TaskScope>(world().loop);
  runtime_.reset();
  events_.clear();
  OpenRuntime();
}

void NodeFixture::TearDown() {
  if (runtime_ == nullptr) return;
  auto pods = linux::ForEachEntry(AT_FDCWD, Path("runtime/pods"),
                                  [&](const std::string& uid, unsigned char) -> Status {
                                    auto removed = Await(runtime_->RemovePodSandbox(uid));
                                    EXPECT_TRUE(removed.ok()) << removed.error().message;
                                    return Ok();
                                  });
  EXPECT_TRUE(pods.ok());
  runtime_.reset();
  auto hierarchy = linux::CgroupHierarchy::Detect();
  ASSERT_TRUE(hierarchy.ok());
  auto cgroup = hierarchy->Open(cgroup_parent_);
  ASSERT_TRUE(cgroup.ok());
  EXPECT_TRUE(cgroup->Remove().ok()) << "a process is left in a cgroup of the test";
  // The kernel takes a namespace's interfaces down in its own time.
  EXPECT_TRUE(RunUntil([] { return !AnyVeth(); })) << "a pod's interface is left";
  scope_.reset();
}

bool NodeFixture::RunUntil(const std::function<bool()>& done) {
  Loop& loop = world().loop;
  auto deadline = loop.MonotonicNow() + kPatience;
  std::function<void()> check = [&] {
    if (done() || loop.MonotonicNow() > deadline) return loop.Stop();
    loop.RunAt(loop.MonotonicNow() + 1ms, check);
  };
  loop.Post(check);
  loop.Run();
  return done();
}

SandboxConfig NodeFixture::Sandbox(const std::string& uid) const {
  return {.uid = uid,
          .name = uid,
          .ns = "default",
          .hostname = uid,
          .log_directory = Path("logs"),
          .qos_class = "Burstable"};
}

ContainerConfig NodeFixture::Shell(const std::string& name, const std::string& script) const {
  ContainerConfig config{.name = name, .image_id = image_id_, .command = {"/bin/sh", "-c", script}};
  config.log_path = Path("logs/" + name + "/0.log");
  return config;
}

ContainerStatus NodeFixture::WaitForExit(const std::string& uid, const std::string& name) {
  ContainerStatus found;
  bool ended = RunUntil([&] {
    auto status = runtime_->PodSandboxStatus(uid);
    if (!status.ok()) return false;
    for (const ContainerStatus& container : status->containers) {
      if (container.name == name && container.state == ContainerState::kExited) {
        found = container;
        return true;
      }
    }
    return false;
  });
  EXPECT_TRUE(ended) << "container '" << name << "' did not exit";
  return found;
}

ContainerStatus NodeFixture::RunToExit(const ContainerConfig& config) {
  std::string uid = "pod-" + config.name;
  auto sandbox = Await(runtime_->RunPodSandbox(Sandbox(uid)));
  if (!sandbox.ok()) {
    ADD_FAILURE() << sandbox.error().message;
    return {};
  }
  auto started = Await(runtime_->StartContainer(uid, config));
  if (!started.ok()) {
    ADD_FAILURE() << started.error().message;
    return {};
  }
  return WaitForExit(uid, config.name);
}

std::string NodeFixture::Log(const ContainerConfig& config) const {
  auto text = linux::ReadFile(AT_FDCWD, config.log_path);
  if (!text.ok()) return "";
  std::string log;
  for (size_t begin = 0; begin < text->size();) {
    size_t end = text->find('\n', begin);
    std::string line = text->substr(begin, end - begin);
    log += line.substr(line.find(' ') + 1) + "\n";
    begin = end + 1;
  }
  return log;
}

std::string NodeFixture::Output(const ContainerConfig& config) const {
  std::string log = Log(config);
  std::string output;
  constexpr std::string_view kFull = "stdout F ";
  for (size_t begin = 0; begin < log.size();) {
    size_t end = log.find('\n', begin);
    std::string line = log.substr(begin, end - begin);
    if (line.starts_with(kFull)) output += line.substr(kFull.size()) + "\n";
    begin = end + 1;
  }
  return output;
}

}  // namespace wherry::nodeagent::runtime
