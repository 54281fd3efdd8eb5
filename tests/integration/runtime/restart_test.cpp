#include "lib/linux/file.h"
#include "lib/linux/process.h"
#include "tests/integration/runtime/node_fixture.h"

#include <gmock/gmock.h>
#include <sys/mount.h>
#include <unistd.h>

#include <csignal>

namespace wherry::nodeagent::runtime {
namespace {

using namespace std::chrono_literals;

// What happens to pods when the agent, or what stands beside it, dies.
class RestartTest : public NodeFixture {
 protected:
  const SandboxStatus* Find(const std::vector<SandboxStatus>& pods, const std::string& uid) {
    for (const SandboxStatus& pod : pods) {
      if (pod.config.uid == uid) return &pod;
    }
    return nullptr;
  }
};

TEST_F(RestartTest, RunningContainersAreAdoptedUntouched) {
  auto sandbox = Sandbox("p");
  sandbox.sysctls = {{"net.ipv4.ip_unprivileged_port_start", "7"}};
  auto ran = Await(runtime_->RunPodSandbox(sandbox));
  ASSERT_TRUE(ran.ok());
  auto config = Shell("c", "trap 'exit 9' TERM; while true; do echo x; sleep 0.01; done");
  auto started = Await(runtime_->StartContainer("p", config));
  ASSERT_TRUE(started.ok());

  RestartRuntime();
  auto pods = Await(runtime_->Recover());
  ASSERT_TRUE(pods.ok()) << pods.error().message;
  const SandboxStatus* pod = Find(*pods, "p");
  ASSERT_NE(pod, nullptr);
  EXPECT_EQ(pod->state, SandboxState::kReady);
  EXPECT_EQ(pod->ips, ran->ips);
  EXPECT_EQ(pod->config.sysctls, sandbox.sysctls);
  EXPECT_EQ(pod->config.ns, "default");
  ASSERT_EQ(pod->containers.size(), 1u);
  EXPECT_EQ(pod->containers[0].pid, started->pid);
  EXPECT_EQ(pod->containers[0].started_at, started->started_at);
  EXPECT_EQ(pod->containers[0].id, started->id);

  // It is still ours to command.
  auto exec = Await(runtime_->ExecSync("p", "c", {"echo", "hi"}, 5s));
  ASSERT_TRUE(exec.ok());
  EXPECT_EQ(exec->output, "hi\n");
  size_t before = Log(config).size();
  EXPECT_TRUE(RunUntil([&] { return Log(config).size() > before; })) << "the log has stopped";
  ASSERT_TRUE(Await(runtime_->StopContainer("p", "c", 5s)).ok());
  EXPECT_EQ(WaitForExit("p", "c").exit_code, 9);
}

TEST_F(RestartTest, ExitsDuringTheAbsenceAreToldExactly) {
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  auto config = Shell("c", "sleep 0.1; exit 42");
  ASSERT_TRUE(Await(runtime_->StartContainer("p", config)).ok());
  runtime_.reset();
  ASSERT_TRUE(RunUntil(
      [&] { return linux::OpenAt(AT_FDCWD, Path("runtime/pods/p/exit-c-0"), O_PATH).ok(); }));
  RestartRuntime();
  auto pods = Await(runtime_->Recover());
  ASSERT_TRUE(pods.ok());
  ASSERT_TRUE(RunUntil([&] { return !events_.empty(); }));
  EXPECT_EQ(events_[0].status.exit_code, 42);
  EXPECT_EQ(events_[0].status.state, ContainerState::kExited);
  EXPECT_FALSE(events_[0].sandbox_died);
}

TEST_F(RestartTest, TheSupervisorsDeathKillsItsContainersAndIsTold) {
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  auto sandbox = Sandbox("shared");
  sandbox.share_process_namespace = true;
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(sandbox)).ok());
  for (const char* uid : {"p", "shared"}) {
    auto config = Shell("c", "sleep 1000 & sleep 1000");
    config.security.run_as_user = 1000;
    auto started = Await(runtime_->StartContainer(uid, config));
    ASSERT_TRUE(started.ok());
    auto process = linux::Pidfd::Open(started->pid);
    ASSERT_TRUE(process.ok());
    auto stat = linux::ReadFile(AT_FDCWD, "/proc/" + std::to_string(started->pid) + "/stat");
    ASSERT_TRUE(stat.ok());
    int parent = std::stoi(stat->substr(stat->find(')') + 4));
    ASSERT_EQ(::kill(parent, SIGKILL), 0);
    ASSERT_TRUE(RunUntil([&] { return process->HasEnded(); })) << "the container lives on";
    ASSERT_TRUE(RunUntil([&] {
      return !events_.empty() && events_.back().uid == uid && events_.back().sandbox_died;
    }));
    EXPECT_EQ(events_.back().status.state, ContainerState::kExited);
    auto status = runtime_->PodSandboxStatus(uid);
    ASSERT_TRUE(status.ok());
    EXPECT_EQ(status->state, SandboxState::kNotReady);
  }
}

TEST_F(RestartTest, ADeadSupervisorIsNoticedAtRecovery) {
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  auto started = Await(runtime_->StartContainer("p", Shell("c", "sleep 1000")));
  ASSERT_TRUE(started.ok());
  auto process = linux::Pidfd::Open(started->pid);
  ASSERT_TRUE(process.ok());
  auto stat = linux::ReadFile(AT_FDCWD, "/proc/" + std::to_string(started->pid) + "/stat");
  int parent = std::stoi(stat->substr(stat->find(')') + 4));
  runtime_.reset();
  ASSERT_EQ(::kill(parent, SIGKILL), 0);
  ASSERT_TRUE(RunUntil([&] { return process->HasEnded(); }));
  RestartRuntime();
  auto pods = Await(runtime_->Recover());
  ASSERT_TRUE(pods.ok());
  const SandboxStatus* pod = Find(*pods, "p");
  ASSERT_NE(pod, nullptr);
  EXPECT_EQ(pod->state, SandboxState::kNotReady);
  ASSERT_EQ(pod->containers.size(), 1u);
  EXPECT_EQ(pod->containers[0].state, ContainerState::kExited);
  EXPECT_NE(pod->containers[0].exit_code, 0);
  // The pod can be made again.
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
}

// The restart back-off and `kubectl logs --previous` go by these records.
TEST_F(RestartTest, ASandboxMadeAnewKeepsTheRecordsOfItsDeadContainers) {
  auto first = Await(runtime_->RunPodSandbox(Sandbox("p")));
  ASSERT_TRUE(first.ok());
  for (const char* name : {"c", "removed"}) {
    auto started = Await(runtime_->StartContainer("p", Shell(name, "sleep 1000")));
    ASSERT_TRUE(started.ok());
    if (name != std::string("removed")) continue;
    ASSERT_EQ(::kill(SupervisorOf(started->pid), SIGKILL), 0);
  }
  ASSERT_TRUE(
      RunUntil([&] { return runtime_->PodSandboxStatus("p")->state == SandboxState::kNotReady; }));
  ASSERT_TRUE(Await(runtime_->StopPodSandbox("p")).ok());
  ASSERT_TRUE(Await(runtime_->RemoveContainer("p", "removed", 0)).ok());
  auto second = Await(runtime_->RunPodSandbox(Sandbox("p")));
  ASSERT_TRUE(second.ok()) << second.error().message;
  auto again = Shell("c", "cat /proc/self/mounts >/dev/null; sleep 1000");
  again.attempt = 1;
  ASSERT_TRUE(Await(runtime_->StartContainer("p", again)).ok());
  auto check = [&](const SandboxStatus& pod) {
    ASSERT_EQ(pod.containers.size(), 2U);
    for (const ContainerStatus& status : pod.containers) {
      EXPECT_EQ(status.name, "c");
      EXPECT_EQ(status.state,
                status.attempt == 0 ? ContainerState::kExited : ContainerState::kRunning);
    }
  };
  check(*runtime_->PodSandboxStatus("p"));

  RestartRuntime();
  auto pods = Await(runtime_->Recover());
  ASSERT_TRUE(pods.ok());
  const SandboxStatus* pod = Find(*pods, "p");
  ASSERT_NE(pod, nullptr);
  EXPECT_EQ(pod->state, SandboxState::kReady);
  check(*pod);
  ASSERT_TRUE(Await(runtime_->RemoveContainer("p", "c", 0)).ok());
  EXPECT_EQ(runtime_->PodSandboxStatus("p")->containers.size(), 1U);
}

TEST_F(RestartTest, PodsCanBeMadeAfterTheLauncherHasDied) {
  // The launcher is our child; it is found by its name.
  int launcher = 0;
  ASSERT_TRUE(RunUntil([&] {
    Ignore(
        linux::ForEachEntry(AT_FDCWD, "/proc",
                            [&](const std::string& name, unsigned char) -> Status {
                              auto stat = linux::ReadFile(AT_FDCWD, "/proc/" + name + "/stat");
                              if (!stat.ok() || stat->find("(wherry-launch)") == std::string::npos)
                                return Ok();
                              if (std::stoi(stat->substr(stat->find(')') + 4)) == ::getpid())
                                launcher = std::stoi(name);
                              return Ok();
                            }),
        "what is not found fails the test");
    return launcher != 0;
  }));
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("before"))).ok());
  auto process = linux::Pidfd::Open(launcher);
  ASSERT_EQ(::kill(launcher, SIGKILL), 0);
  ASSERT_TRUE(RunUntil([&] { return process->HasEnded(); }));
  RunUntil([turns = 0]() mutable { return ++turns > 5; });
  auto after = Await(runtime_->RunPodSandbox(Sandbox("after")));
  ASSERT_TRUE(after.ok()) << after.error().message;
  EXPECT_EQ(runtime_->PodSandboxStatus("before")->state, SandboxState::kReady);
}

TEST_F(RestartTest, ABrokenRecordOnDiskIsNoPod) {
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("good"))).ok());
  ASSERT_TRUE(linux::MakeDirs(AT_FDCWD, Path("runtime/pods/bad/c"), 0700).ok());
  auto directory = linux::OpenDirectory(AT_FDCWD, Path("runtime/pods/bad"));
  ASSERT_TRUE(linux::ReplaceFile(directory->get(), "sandbox.json", "{\"uid\":", 0600,
                                 linux::Durability::kPageCache)
                  .ok());
  RestartRuntime();
  auto pods = Await(runtime_->Recover());
  ASSERT_TRUE(pods.ok()) << pods.error().message;
  ASSERT_EQ(pods->size(), 1u);
  EXPECT_EQ((*pods)[0].config.uid, "good");
}

TEST_F(RestartTest, WhatCannotBeRemovedKeepsNoOtherPodFromBeingRecovered) {
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("good"))).ok());
  const std::string busy = Path("runtime/pods/bad/c/x");
  ASSERT_TRUE(linux::MakeDirs(AT_FDCWD, busy, 0700).ok());
  ASSERT_EQ(::mount("none", busy.c_str(), "tmpfs", 0, ""), 0);
  RestartRuntime();
  auto pods = Await(runtime_->Recover());
  EXPECT_EQ(::umount2(busy.c_str(), MNT_DETACH), 0);
  ASSERT_TRUE(pods.ok()) << pods.error().message;
  ASSERT_EQ(pods->size(), 1u);
  EXPECT_EQ((*pods)[0].config.uid, "good");
}

// What one pod has lost, or a directory that cannot be read, is no reason to serve no pod at all.
TEST_F(RestartTest, LostLeasesAndAddressesKeepNoPodFromBeingRecovered) {
  auto sandbox = Sandbox("good");
  sandbox.host_ports = {{.protocol = "tcp", .host_port = 8081, .container_port = 80}};
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(sandbox)).ok());
  const std::string held = Path("ipam/pod-good");
  ASSERT_EQ(::rename(held.c_str(), Path("held").c_str()), 0);
  ASSERT_EQ(::mkdir(held.c_str(), 0700), 0);
  ASSERT_EQ(::rename(Path("images/leases").c_str(), Path("leases").c_str()), 0);
  RestartRuntime();
  auto pods = Await(runtime_->Recover());
  ASSERT_EQ(::rmdir(held.c_str()), 0);
  ASSERT_EQ(::rename(Path("held").c_str(), held.c_str()), 0);
  ASSERT_EQ(::rename(Path("leases").c_str(), Path("images/leases").c_str()), 0);
  ASSERT_TRUE(pods.ok()) << pods.error().message;
  ASSERT_EQ(pods->size(), 1u);
  EXPECT_EQ((*pods)[0].state, SandboxState::kReady);
}

}  // namespace
}  // namespace wherry::nodeagent::runtime
