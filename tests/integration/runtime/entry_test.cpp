#include "lib/linux/file.h"
#include "tests/integration/runtime/node_fixture.h"

#include <gmock/gmock.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace wherry::nodeagent::runtime {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

// What a container can take from a process that is on its way into it, before its execve(2).
class EntryTest : public NodeFixture {
 protected:
  // A search of the PATH comes after the container's privileges were taken: with thousands of
  // entries it holds the process there for the container to look at.
  static std::string SlowPath() {
    std::string path;
    while (path.size() < 120'000) path += "/a:";
    return path + "/bin";
  }

  // The output of `script` in a container that is entered many times meanwhile.
  std::string WatchEntries(const std::string& script, std::vector<std::string> capabilities) {
    EXPECT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
    auto config = Shell("spy", "until [ -e /tmp/stop ]; do " + script + "; done");
    config.env = {{"PATH", SlowPath()}};
    config.security.add_capabilities = std::move(capabilities);
    EXPECT_TRUE(Await(runtime_->StartContainer("p", config)).ok());
    for (int i = 0; i < 8; ++i) {
      auto entered = Await(runtime_->ExecSync("p", "spy", {"true"}, 5s));
      EXPECT_TRUE(entered.ok()) << entered.error().message;
    }
    EXPECT_TRUE(Await(runtime_->ExecSync("p", "spy", {"touch", "/tmp/stop"}, 5s)).ok());
    WaitForExit("p", "spy");
    return Output(config);
  }
};

// CVE-2016-9962, CVE-2024-21626: root in a container opens the runtime's descriptors by way of
// /proc/<pid>/fd of a process that enters it.
TEST_F(EntryTest, RootInTheContainerCannotLookIntoAProcessThatEntersIt) {
  // Processes that run a program of the container are called busybox.
  std::string seen =
      WatchEntries("for p in /proc/[0-9]*; do /bin/ls -l $p/fd $p/exe 2>/dev/null; done", {});
  EXPECT_THAT(seen, HasSubstr("busybox"));
  for (const char* secret :
       {"wherry", "memfd", "eventpoll", "signalfd", "/pods/", "tasks", "seccomp"}) {
    EXPECT_THAT(seen, Not(HasSubstr(secret)));
  }
}

// Whoever may trace everything sees the process, which must have nothing to offer.
TEST_F(EntryTest, AProcessThatEntersHoldsNothingOfTheSupervisors) {
  std::string seen = WatchEntries(
      "for p in /proc/[0-9]*; do /bin/ls -l $p/exe $p/fd 2>/dev/null; "
      "/bin/ls -d $p/fd/*/sysrq-trigger $p/fd/*/sandbox.json 2>/dev/null; done",
      {"SYS_PTRACE"});
  EXPECT_THAT(seen, HasSubstr("memfd:wherry-init")) << "the spy was too slow to see anything";
  for (const char* secret :
       {"eventpoll", "signalfd", "/pods/", "logs", "0.log", "sysrq-trigger", "sandbox.json"}) {
    EXPECT_THAT(seen, Not(HasSubstr(secret)));
  }
}

// CVE-2019-5736: the program that enters containers is overwritten through /proc/<pid>/exe.
TEST_F(EntryTest, TheProgramThatEntersContainersCannotBeWritten) {
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  auto started = Await(runtime_->StartContainer("p", Shell("c", "sleep 1000")));
  ASSERT_TRUE(started.ok());
  std::string exe = "/proc/" + std::to_string(SupervisorOf(started->pid)) + "/exe";
  auto program = linux::OpenAt(AT_FDCWD, exe, O_RDONLY);
  ASSERT_TRUE(program.ok());
  int seals = ::fcntl(program->get(), F_GET_SEALS);
  EXPECT_TRUE(seals >= 0 && (seals & F_SEAL_WRITE) != 0) << "it is a file of the node";
}

// A session keyring of the agent's may hold keys of the node's services.
TEST_F(EntryTest, ContainersAndCommandsHaveSessionKeyringsOfTheirOwn) {
  long own = ::syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, "wherry-test");
  if (own < 0) GTEST_SKIP() << "no keyrings in this kernel";
  // Seen by those who possess it, and not by everybody with our user number.
  ASSERT_EQ(::syscall(SYS_keyctl, 5 /* KEYCTL_SETPERM */, own, 0x3f000000), 0);
  RestartRuntime();  // whose launcher inherits it
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  // The default profile refuses keyctl(2), but not the list of the keys that one possesses.
  auto config = Shell("c", "grep -c wherry-test /proc/keys; sleep 100");
  config.security.masked_paths = {};
  ASSERT_TRUE(Await(runtime_->StartContainer("p", config)).ok());
  ASSERT_TRUE(RunUntil([&] { return !Output(config).empty(); }));
  EXPECT_EQ(Output(config), "0\n");
  auto command =
      Await(runtime_->ExecSync("p", "c", {"grep", "-c", "wherry-test", "/proc/keys"}, 5s));
  ASSERT_TRUE(command.ok());
  EXPECT_EQ(command->output, "0\n");
}

// setresuid(2) would leave such a process root, which passes runAsNonRoot.
TEST_F(EntryTest, AUserNumberThatWrapsDoesNotRunAsRoot) {
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  for (const char* user : {"4294967295", "4294967295:4294967295", "1:4294967295"}) {
    auto config = Shell("c", "id -u");
    config.security.run_as_username = user;
    config.security.run_as_non_root = true;
    auto started = Await(runtime_->StartContainer("p", config));
    ASSERT_FALSE(started.ok()) << user;
    EXPECT_EQ(started.error().reason, Reason::kInvalid);
  }
}

}  // namespace
}  // namespace wherry::nodeagent::runtime
