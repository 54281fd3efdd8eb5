#include "lib/linux/file.h"
#include "lib/linux/process.h"
#include "lib/linux/socket.h"
#include "nodeagent/runtime/native/launcher_client.h"
#include "tests/integration/runtime/node_fixture.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <csignal>

namespace wherry::nodeagent::runtime {
namespace {

using namespace std::chrono_literals;

// Agents and supervisors that die, hang or come back at the worst moment.
class SupervisionTest : public NodeFixture {
 protected:
  void Pause(std::chrono::milliseconds time) {
    auto end = world().loop.MonotonicNow() + time;
    RunUntil([&] { return world().loop.MonotonicNow() >= end; });
  }
  // Until the container "c" of the pod "p" has so many processes of this command.
  void WaitForCount(const std::string& command, int wanted) {
    std::string last;
    for (int tries = 0; tries < 200; ++tries) {
      auto seen = Await(runtime_->ExecSync("p", "c", {"ps", "-o", "args"}, 5s));
      ASSERT_TRUE(seen.ok()) << seen.error().message;
      int count = 0;
      for (size_t at = 0;
           (at = seen->output.find("\n" + command + "\n", at)) != std::string::npos;) {
        ++count;
        ++at;
      }
      if (count == wanted) return;
      last = seen->output;
      Pause(10ms);
    }
    FAIL() << "not " << wanted << " of '" << command << "':\n" << last;
  }
  bool Exists(const std::string& path) const {
    return linux::OpenAt(AT_FDCWD, Path(path), O_PATH).ok();
  }
};

TEST_F(SupervisionTest, AContainerThatIsBeingStartedIsNotStartedTwice) {
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  auto config = Shell("c", "echo first > /kept; sleep 1000");
  config.command = {"sh", "-c", "echo first > /kept; sleep 1000"};
  // The search for the program takes a while.
  std::string path;
  while (path.size() < 120'000) path += "/a:";
  config.env = {{"PATH", path + "/bin"}};
  StartInBackground(runtime_->StartContainer("p", config));
  ASSERT_TRUE(RunUntil([&] { return Exists("runtime/pods/p/c/c_0/container.json"); }));
  Pause(15ms);
  EXPECT_NE(runtime_->PodSandboxStatus("p")->containers[0].state, ContainerState::kRunning)
      << "the start was over too soon for this test";

  RestartRuntime();
  auto pods = Await(runtime_->Recover());
  ASSERT_TRUE(pods.ok()) << pods.error().message;
  ASSERT_EQ((*pods)[0].containers.size(), 1u);
  EXPECT_EQ((*pods)[0].containers[0].state, ContainerState::kRunning);
  auto again = Await(runtime_->StartContainer("p", config));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->id, (*pods)[0].containers[0].id);
  ASSERT_TRUE(RunUntil([&] { return Exists("runtime/pods/p/c/c_0/upper/kept"); }));
}

TEST_F(SupervisionTest, AnswersToAnEarlierAgentAreNotTakenForOnesOwn) {
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  ASSERT_TRUE(Await(runtime_->StartContainer("p", Shell("c", "sleep 1000"))).ok());
  for (int i = 0; i < 4; ++i) {
    StartInBackground(runtime_->ExecSync("p", "c", {"sh", "-c", "sleep 0.5; exit 3"}, 10s));
  }
  WaitForCount("sleep 0.5", 4);
  RestartRuntime();
  ASSERT_TRUE(Await(runtime_->Recover()).ok());
  // The same numbers as before, while the earlier commands run and end.
  for (int i = 0; i < 6; ++i) {
    auto mine = Await(runtime_->ExecSync("p", "c", {"sh", "-c", "sleep 0.6; exit 7"}, 10s));
    ASSERT_TRUE(mine.ok()) << mine.error().message;
    EXPECT_EQ(mine->exit_code, 7);
  }
}

TEST_F(SupervisionTest, CommandsOfAnAgentThatHasGoneAreEnded) {
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  ASSERT_TRUE(Await(runtime_->StartContainer("p", Shell("c", "sleep 1000"))).ok());
  StartInBackground(runtime_->ExecSync("p", "c", {"sleep", "4321"}, 10s));
  WaitForCount("sleep 4321", 1);
  RestartRuntime();
  ASSERT_TRUE(Await(runtime_->Recover()).ok());
  WaitForCount("sleep 4321", 0);
}

TEST_F(SupervisionTest, ASupervisorThatDoesNotAnswerTheNextAgentIsEnded) {
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  auto started = Await(runtime_->StartContainer("p", Shell("c", "sleep 1000")));
  ASSERT_TRUE(started.ok());
  int supervisor = SupervisorOf(started->pid);
  auto process = linux::Pidfd::Open(supervisor);
  ASSERT_TRUE(process.ok());
  ASSERT_EQ(::kill(supervisor, SIGSTOP), 0);
  RestartRuntime();
  auto pods = Await(runtime_->Recover());
  bool ended = process->HasEnded();
  ::kill(supervisor, SIGCONT);
  ASSERT_TRUE(pods.ok());
  EXPECT_TRUE(ended) << "it lives on, and holds an address that is free";
  EXPECT_EQ((*pods)[0].state, SandboxState::kNotReady);
}

TEST_F(SupervisionTest, ASupervisorThatHangsKeepsNobodyWaiting) {
  options_.answer_timeout = 300ms;
  RestartRuntime();
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  auto started = Await(runtime_->StartContainer("p", Shell("c", "sleep 1000")));
  auto exited = Await(runtime_->StartContainer("p", Shell("exited", "true")));
  ASSERT_TRUE(started.ok() && exited.ok());
  WaitForExit("p", "exited");
  int supervisor = SupervisorOf(started->pid);
  auto process = linux::Pidfd::Open(supervisor);
  ASSERT_EQ(::kill(supervisor, SIGSTOP), 0);
  EXPECT_TRUE(Await(runtime_->RemoveContainer("p", "exited", 0)).ok());
  bool ended = process->HasEnded();
  ::kill(supervisor, SIGCONT);
  EXPECT_TRUE(ended);
  EXPECT_EQ(WaitForExit("p", "c").state, ContainerState::kExited);
}

TEST_F(SupervisionTest, AStopOfAHangingPodIsOverInTime) {
  options_.answer_timeout = 300ms;
  RestartRuntime();
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  auto started = Await(runtime_->StartContainer("p", Shell("c", "sleep 1000")));
  ASSERT_TRUE(started.ok());
  int supervisor = SupervisorOf(started->pid);
  ASSERT_EQ(::kill(supervisor, SIGSTOP), 0);
  auto stopped = Await(runtime_->StopContainer("p", "c", 100ms));
  ::kill(supervisor, SIGCONT);
  EXPECT_EQ(WaitForExit("p", "c").state, ContainerState::kExited);
}

TEST_F(SupervisionTest, ASandboxThatIsMadeAnewKeepsItsAddress) {
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
    auto config = Shell("c", "sleep 1000");
    config.attempt = round;
    auto started = Await(runtime_->StartContainer("p", config));
    ASSERT_TRUE(started.ok()) << started.error().message;
    events_.clear();
    ASSERT_EQ(::kill(SupervisorOf(started->pid), SIGKILL), 0);
    ASSERT_TRUE(RunUntil([&] { return !events_.empty(); }));
    // Its resources are being given back at this moment.
    auto again = Await(runtime_->RunPodSandbox(Sandbox("p")));
    ASSERT_TRUE(again.ok()) << again.error().message;
    Pause(30ms);
    EXPECT_THAT(*network_->Owners(), testing::ElementsAre("p"));
    config.attempt = 100 + round;
    auto works = Await(runtime_->StartContainer("p", config));
    EXPECT_TRUE(works.ok()) << works.error().message;
    ASSERT_TRUE(Await(runtime_->StopPodSandbox("p")).ok());
  }
}

// While a process of the pod may still send, nobody else may have its address.
TEST_F(SupervisionTest, AnAddressIsFreeOnlyOnceThePodsInterfaceHasGone) {
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  auto links = [] {
    int count = 0;
    Ignore(linux::ForEachEntry(AT_FDCWD, "/proc/sys/net/ipv4/conf",
                               [&](const std::string& name, unsigned char) -> Status {
                                 if (name.starts_with("veth")) ++count;
                                 return Ok();
                               }),
           "0 fails the test");
    return count;
  };
  ASSERT_EQ(links(), 1);
  ASSERT_TRUE(network_->Detach("p").ok());
  EXPECT_EQ(links(), 0);
  EXPECT_TRUE(network_->Owners()->empty());
  EXPECT_TRUE(network_->Detach("p").ok()) << "gone already is fine";
}

// The answer that a supervisor was started comes too late: nobody would ever stop it.
TEST_F(SupervisionTest, ASupervisorWhoseCallerHasGivenUpIsKilled) {
  native::LauncherClient launcher(world().loop, WHERRY_INIT_PROGRAM);
  auto control = linux::StreamSocketPair(true);
  ASSERT_TRUE(control.ok());
  ASSERT_TRUE(linux::MakeDirs(AT_FDCWD, Path("lone"), 0700).ok());
  auto directory = linux::OpenAt(AT_FDCWD, Path("lone"), O_RDONLY | O_DIRECTORY);
  auto listener = linux::ListenUnix(directory->get(), "sock");
  ASSERT_TRUE(directory.ok() && listener.ok());
  init::StartSupervisor request{.uid = "lone", .hostname = "lone"};
  request.network.mode = static_cast<uint8_t>(init::NetworkMode::kIsolated);
  std::vector<linux::Fd> fds;
  fds.push_back(std::move(control->second));
  fds.push_back(std::move(*listener));
  fds.push_back(std::move(*directory));
  StartInBackground(launcher.StartSupervisor(std::move(request), std::move(fds)));
  RunUntil([] { return true; });  // the request has been sent, nothing has been read
  scope_ = std::make_unique<TaskScope>(world().loop);
  bool ended = RunUntil([&] {
    char buffer[4096];
    return ::read(control->first.get(), buffer, sizeof buffer) == 0;
  });
  EXPECT_TRUE(ended) << "the supervisor lives on";
  control->first.Close();
}

TEST_F(SupervisionTest, ASupervisorThatNobodyCanFindAnyMoreEnds) {
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  auto started = Await(runtime_->StartContainer("p", Shell("c", "sleep 1000")));
  ASSERT_TRUE(started.ok());
  auto process = linux::Pidfd::Open(SupervisorOf(started->pid));
  ASSERT_TRUE(process.ok());
  ASSERT_TRUE(linux::RemoveTree(AT_FDCWD, Path("runtime/pods/p")).ok());
  runtime_.reset();
  EXPECT_TRUE(RunUntil([&] { return process->HasEnded(); }));
  RestartRuntime();
}

}  // namespace
}  // namespace wherry::nodeagent::runtime
