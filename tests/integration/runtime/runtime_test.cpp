#include "lib/linux/file.h"
#include "tests/integration/runtime/node_fixture.h"

#include <gmock/gmock.h>

#include <csignal>

namespace wherry::nodeagent::runtime {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class RuntimeTest : public NodeFixture {};

TEST_F(RuntimeTest, RunsACommandKeepsItsLogAndItsExitCode) {
  auto config = Shell("greet", "echo hello; echo oops >&2; exit 7");
  ContainerStatus status = RunToExit(config);
  EXPECT_EQ(status.exit_code, 7);
  EXPECT_EQ(status.reason, "Error");
  EXPECT_EQ(status.id.size(), 64u);
  EXPECT_EQ(Log(config), "stdout F hello\nstderr F oops\n");
}

TEST_F(RuntimeTest, TellsTheListenerOfStartAndExit) {
  auto config = Shell("told", "exit 3");
  RunToExit(config);
  ASSERT_TRUE(RunUntil([&] { return events_.size() >= 2; }));
  EXPECT_EQ(events_.back().uid, "pod-told");
  EXPECT_EQ(events_.back().status.exit_code, 3);
  EXPECT_EQ(events_.back().status.state, ContainerState::kExited);
}

TEST_F(RuntimeTest, TheCommandIsPidOneOfItsOwnNamespaceWithItsHostname) {
  auto config = Shell("alone", "echo $$; hostname; ps | wc -l");
  RunToExit(config);
  // ps prints a heading, the shell, ps and wc.
  EXPECT_EQ(Output(config), "1\npod-alone\n4\n");
}

TEST_F(RuntimeTest, EnvironmentArgumentsAndWorkingDirectoryArrive) {
  auto config = Shell("env", "pwd; echo $A $HOME $HOSTNAME; echo $0 $1");
  config.env = {{"A", "one two"}};
  config.args = {"zero", "first"};
  config.working_dir = "/made/here";
  RunToExit(config);
  EXPECT_EQ(Output(config), "/made/here\none two /root pod-env\nzero first\n");
}

TEST_F(RuntimeTest, ACommandThatDoesNotExistIsAnExitedContainerThatSaysWhy) {
  auto config = Shell("absent", "");
  config.command = {"no-such-program"};
  ContainerStatus status = RunToExit(config);
  EXPECT_EQ(status.exit_code, 128);
  EXPECT_EQ(status.reason, "StartError");
  EXPECT_THAT(status.message,
              HasSubstr("exec: \"no-such-program\": executable file not found in $PATH"));
}

TEST_F(RuntimeTest, RunsAsTheUserTheImageOrThePodNames) {
  auto named = Shell("named", "id -u; id -g; id -G; echo $HOME");
  named.security.run_as_username = "app";
  RunToExit(named);
  EXPECT_EQ(Output(named), "1000\n1001\n1001 2000\n/home/app\n");

  auto numbered = Shell("numbered", "id -u; id -g; id -G");
  numbered.security.run_as_user = 4242;
  numbered.security.run_as_group = 4343;
  numbered.security.supplemental_groups = {7, 8};
  RunToExit(numbered);
  EXPECT_EQ(Output(numbered), "4242\n4343\n4343 7 8\n");
}

TEST_F(RuntimeTest, RefusesRootWhereItMustNotBe) {
  auto config = Shell("noroot", "true");
  config.security.run_as_non_root = true;
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  auto started = Await(runtime_->StartContainer("p", config));
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().reason, Reason::kInvalid);
  EXPECT_THAT(started.error().message, HasSubstr("runAsNonRoot"));
  // Nothing of it is left, so the same attempt may be tried again.
  config.security.run_as_non_root = false;
  EXPECT_TRUE(Await(runtime_->StartContainer("p", config)).ok());
}

TEST_F(RuntimeTest, MountsShowTheNodesFilesAndHonourReadOnly) {
  ASSERT_TRUE(linux::MakeDirs(AT_FDCWD, Path("volume/sub"), 0755).ok());
  auto volume = linux::OpenDirectory(AT_FDCWD, Path("volume"));
  ASSERT_TRUE(
      linux::ReplaceFile(volume->get(), "file", "content\n", 0644, linux::Durability::kPageCache)
          .ok());
  auto config = Shell("mounts",
                      "cat /data/file; touch /data/sub/new && echo written; cat /etc/hosts; "
                      "touch /ro/x 2>/dev/null || echo refused");
  config.mounts = {
      {.host_path = Path("volume"), .container_path = "/data"},
      {.host_path = Path("volume/file"), .container_path = "/etc/hosts"},
      {.host_path = Path("volume"), .container_path = "/ro", .read_only = true},
  };
  RunToExit(config);
  EXPECT_EQ(Output(config), "content\nwritten\ncontent\nrefused\n");
  EXPECT_TRUE(linux::OpenAt(volume->get(), "sub/new", O_PATH).ok());
}

TEST_F(RuntimeTest, TheWritableLayerIsOneContainersOwn) {
  auto first = Shell("first", "echo changed > /etc/passwd; cat /etc/passwd");
  RunToExit(first);
  EXPECT_EQ(Output(first), "changed\n");
  auto second = Shell("second", "head -n 1 /etc/passwd");
  RunToExit(second);
  EXPECT_EQ(Output(second), "root:x:0:0:root:/root:/bin/sh\n");
}

TEST_F(RuntimeTest, StopSendsTheSignalThenKills) {
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  auto polite = Shell("polite", "trap 'echo bye; exit 5' TERM; while true; do sleep 0.01; done");
  ASSERT_TRUE(Await(runtime_->StartContainer("p", polite)).ok());
  RunUntil([&] { return !Log(polite).empty() || true; });
  auto stubborn = Shell("stubborn", "trap '' TERM; echo up; while true; do sleep 0.01; done");
  ASSERT_TRUE(Await(runtime_->StartContainer("p", stubborn)).ok());
  ASSERT_TRUE(RunUntil([&] { return Output(stubborn) == "up\n"; }));

  ASSERT_TRUE(Await(runtime_->StopContainer("p", "polite", 5s)).ok());
  EXPECT_EQ(WaitForExit("p", "polite").exit_code, 5);
  ASSERT_TRUE(Await(runtime_->StopContainer("p", "stubborn", 50ms)).ok());
  ContainerStatus killed = WaitForExit("p", "stubborn");
  EXPECT_EQ(killed.exit_code, 137);
  EXPECT_EQ(killed.signal, SIGKILL);
}

TEST_F(RuntimeTest, ExecRunsInsideTheContainer) {
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  auto config = Shell("c", "echo 1 > /tmp/mark; while true; do sleep 1; done");
  config.security.run_as_user = 0;
  config.env = {{"SEEN", "yes"}};
  ASSERT_TRUE(Await(runtime_->StartContainer("p", config)).ok());
  auto result = Await(runtime_->ExecSync(
      "p", "c", {"sh", "-c", "cat /tmp/mark; echo $SEEN; hostname; echo err >&2; exit 4"}, 5s));
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(result->exit_code, 4);
  EXPECT_EQ(result->output, "1\nyes\np\nerr\n");

  auto absent = Await(runtime_->ExecSync("p", "c", {"nothing"}, 5s));
  ASSERT_FALSE(absent.ok());
  EXPECT_THAT(absent.error().message, HasSubstr("executable file not found"));

  auto slow = Await(runtime_->ExecSync("p", "c", {"sleep", "30"}, 100ms));
  ASSERT_FALSE(slow.ok());
  EXPECT_EQ(slow.error().reason, Reason::kTimeout);
  auto left =
      Await(runtime_->ExecSync("p", "c", {"sh", "-c", "ps | grep 'sleep 3[0]' | wc -l"}, 5s));
  ASSERT_TRUE(left.ok());
  EXPECT_EQ(left->output, "0\n");

  EXPECT_EQ(Await(runtime_->ExecSync("p", "other", {"true"}, 5s)).error().reason,
            Reason::kNotFound);
}

TEST_F(RuntimeTest, MuchOutputArrivesWholeAndLongLinesInPieces) {
  auto config = Shell("much", "yes 0123456789 | head -n 100000; head -c 40000 /dev/zero");
  ContainerStatus status = RunToExit(config);
  EXPECT_EQ(status.exit_code, 0);
  std::string log = Log(config);
  size_t lines = 0;
  for (size_t at = log.find("stdout F 0123456789\n"); at != std::string::npos;
       at = log.find("stdout F 0123456789\n", at + 1)) {
    ++lines;
  }
  EXPECT_EQ(lines, 100000u);
  EXPECT_THAT(log, HasSubstr("stdout P "));
}

TEST_F(RuntimeTest, AMemoryLimitEndsAsOOMKilled) {
  auto config = Shell("greedy", "dd if=/dev/zero of=/dev/null bs=64M count=1");
  config.resources.memory_limit_bytes = 16 << 20;
  ContainerStatus status = RunToExit(config);
  EXPECT_EQ(status.exit_code, 137);
  EXPECT_EQ(status.reason, "OOMKilled");
}

TEST_F(RuntimeTest, APidLimitStopsAForkBombAndTheRuntimeStaysUsable) {
  auto config = Shell("bomb", "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 5 & done; echo done");
  config.resources.pids_limit = 8;
  ContainerStatus status = RunToExit(config);
  EXPECT_THAT(Log(config), HasSubstr("can't fork"));
  EXPECT_NE(status.exit_code, 0);
}

TEST_F(RuntimeTest, StartingTwiceIsOnceAndRestartsAreNewAttempts) {
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  auto config = Shell("c", "exit 1");
  auto first = Await(runtime_->StartContainer("p", config));
  auto again = Await(runtime_->StartContainer("p", config));
  ASSERT_TRUE(first.ok() && again.ok());
  EXPECT_EQ(first->id, again->id);
  WaitForExit("p", "c");
  config.attempt = 1;
  auto second = Await(runtime_->StartContainer("p", config));
  ASSERT_TRUE(second.ok());
  EXPECT_NE(first->id, second->id);
  ASSERT_TRUE(Await(runtime_->RemoveContainer("p", "c", 0)).ok());
  ASSERT_TRUE(Await(runtime_->RemoveContainer("p", "c", 0)).ok());
  auto status = runtime_->PodSandboxStatus("p");
  ASSERT_TRUE(status.ok());
  ASSERT_EQ(status->containers.size(), 1u);
  EXPECT_EQ(status->containers[0].attempt, 1);
}

TEST_F(RuntimeTest, AStoppedSandboxKeepsItsStatusesAndCanBeMadeAnew) {
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  ASSERT_TRUE(Await(runtime_->StartContainer("p", Shell("c", "sleep 100"))).ok());
  ASSERT_TRUE(Await(runtime_->StopPodSandbox("p")).ok());
  ASSERT_TRUE(Await(runtime_->StopPodSandbox("p")).ok());
  auto status = runtime_->PodSandboxStatus("p");
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->state, SandboxState::kNotReady);
  ASSERT_EQ(status->containers.size(), 1u);
  EXPECT_EQ(status->containers[0].state, ContainerState::kExited);
  EXPECT_EQ(status->containers[0].exit_code, 137);

  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  auto config = Shell("c", "echo again");
  config.attempt = 1;
  ASSERT_TRUE(Await(runtime_->StartContainer("p", config)).ok());
  ASSERT_TRUE(RunUntil([&] { return Output(config) == "again\n"; }));
}

TEST_F(RuntimeTest, ContainersOfAPodShareNetworkAndIpcButNotProcesses) {
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  auto server =
      Shell("server", "echo shared > /dev/shm/file; while true; do echo hi | nc -l -p 80; done");
  ASSERT_TRUE(Await(runtime_->StartContainer("p", server)).ok());
  auto client = Shell("client",
                      "until nc 127.0.0.1 80 </dev/null; do sleep 0.01; done; cat /dev/shm/file; "
                      "ps | grep -c 'nc -l' ");
  ASSERT_TRUE(Await(runtime_->StartContainer("p", client)).ok());
  WaitForExit("p", "client");
  EXPECT_THAT(Output(client), HasSubstr("hi\nshared\n"));
}

TEST_F(RuntimeTest, SharedProcessNamespaceShowsTheOthersAndReapsOrphans) {
  auto sandbox = Sandbox("p");
  sandbox.share_process_namespace = true;
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(sandbox)).ok());
  ASSERT_TRUE(Await(runtime_->StartContainer("p", Shell("a", "sleep 4321"))).ok());
  auto config = Shell("b", "echo $$; ps | grep -c 'sleep 432[1]'; (sleep 0.01 &) ; exit 0");
  ASSERT_TRUE(Await(runtime_->StartContainer("p", config)).ok());
  WaitForExit("p", "b");
  EXPECT_NE(Output(config).substr(0, 2), "1\n");
  EXPECT_THAT(Output(config), testing::EndsWith("\n1\n"));
}

TEST_F(RuntimeTest, PodsReachEachOtherAndThemselvesThroughTheBridge) {
  auto first = Await(runtime_->RunPodSandbox(Sandbox("one")));
  auto second = Await(runtime_->RunPodSandbox(Sandbox("two")));
  ASSERT_TRUE(first.ok() && second.ok());
  ASSERT_EQ(first->ips.size(), 1u);
  EXPECT_NE(first->ips[0], second->ips[0]);
  auto config = Shell("ping", "ping -c 1 -W 2 " + first->ips[0] + " >/dev/null && echo reached");
  ASSERT_TRUE(Await(runtime_->StartContainer("two", config)).ok());
  EXPECT_EQ(WaitForExit("two", "ping").exit_code, 0);
  EXPECT_EQ(Output(config), "reached\n");
}

TEST_F(RuntimeTest, HostNetworkIsTheNodesOwn) {
  auto sandbox = Sandbox("p");
  sandbox.host_network = true;
  auto status = Await(runtime_->RunPodSandbox(sandbox));
  ASSERT_TRUE(status.ok()) << status.error().message;
  EXPECT_TRUE(status->ips.empty());
  auto config = Shell("c", "ip link | grep -c wherry0");
  ASSERT_TRUE(Await(runtime_->StartContainer("p", config)).ok());
  WaitForExit("p", "c");
  EXPECT_EQ(Output(config), "1\n");
}

TEST_F(RuntimeTest, SysctlsOfThePodsNamespacesAreSetAndOthersRefused) {
  auto sandbox = Sandbox("p");
  sandbox.sysctls = {{"net.ipv4.ip_unprivileged_port_start", "7"}, {"kernel.shm_rmid_forced", "1"}};
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(sandbox)).ok());
  auto config = Shell(
      "c", "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shm_rmid_forced");
  ASSERT_TRUE(Await(runtime_->StartContainer("p", config)).ok());
  WaitForExit("p", "c");
  EXPECT_EQ(Output(config), "7\n1\n");
  auto wrong = Sandbox("q");
  wrong.sysctls = {{"kernel.panic", "1"}};
  EXPECT_EQ(Await(runtime_->RunPodSandbox(wrong)).error().reason, Reason::kInvalid);
}

TEST_F(RuntimeTest, ATerminalIsOneAndItsOutputIsLogged) {
  auto config = Shell("tty", "tty; test -t 0 && test -t 1 && echo yes; stat -c %F /dev/console");
  config.tty = true;
  ContainerStatus status = RunToExit(config);
  EXPECT_EQ(status.exit_code, 0) << status.message;
  EXPECT_THAT(Log(config), HasSubstr("/dev/pts/0"));
  EXPECT_THAT(Log(config), HasSubstr("yes"));
  EXPECT_THAT(Log(config), HasSubstr("character special file"));
}

}  // namespace
}  // namespace wherry::nodeagent::runtime
