#include "lib/linux/capabilities.h"
#include "lib/linux/file.h"
#include "lib/linux/netlink.h"
#include "lib/linux/process.h"
#include "lib/linux/seccomp.h"
#include "lib/linux/socket.h"
#include "lib/linux/temp_dir.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace wherry::linux {
namespace {

TEST(Ipv4, AddressesAndPrefixes) {
  EXPECT_EQ(ParseIpv4("10.1.2.3")->ToString(), "10.1.2.3");
  for (const char* bad : {"", "10.1.2", "10.1.2.256", "::1", "10.1.2.3 "})
    EXPECT_FALSE(ParseIpv4(bad).ok()) << bad;
  auto prefix = ParseIpv4Prefix("10.244.3.7/24");
  ASSERT_TRUE(prefix.ok());
  EXPECT_EQ(prefix->Network().ToString(), "10.244.3.0/24");
  EXPECT_TRUE(prefix->Contains(*ParseIpv4("10.244.3.255")));
  EXPECT_FALSE(prefix->Contains(*ParseIpv4("10.244.4.0")));
  EXPECT_TRUE(ParseIpv4Prefix("0.0.0.0/0")->Contains(*ParseIpv4("1.2.3.4")));
  for (const char* bad :
       {"10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "/8"}) {
    EXPECT_FALSE(ParseIpv4Prefix(bad).ok()) << bad;
  }
}

TEST(Capabilities, AddsAndDrops) {
  uint64_t all = 0xff;
  EXPECT_EQ(*ApplyCapabilityChanges(0x3, all, {}, {"ALL"}), 0u);
  EXPECT_EQ(*ApplyCapabilityChanges(0x3, all, {"CHOWN"}, {"ALL"}), 1u);
  EXPECT_EQ(*ApplyCapabilityChanges(0x3, all, {"ALL"}, {"CAP_CHOWN"}), 0xfeu);
  EXPECT_EQ(*ApplyCapabilityChanges(0x0, all, {"cap_net_admin"}, {}), uint64_t{1} << 12);
  EXPECT_EQ(ApplyCapabilityChanges(0, all, {"NONSENSE"}, {}).error().reason, Reason::kInvalid);
  EXPECT_EQ(DefaultCapabilities(), 0xa80425fbu);
}

TEST(Seccomp, TheDefaultProfileRefusesWhatContainersDoNotNeed) {
  auto program = CompileDefaultProfile(DefaultCapabilities());
  ASSERT_TRUE(program.ok()) << program.error().message;
  EXPECT_GT(program->instructions.size(), 100u);
  pid_t child = ::fork();
  if (child == 0) {
    CHECK(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK_OK(InstallSeccomp(*program));
    bool allowed = ::getppid() > 0 && ::syscall(SYS_getuid) >= 0;
    bool refused = ::syscall(SYS_mount, 0, 0, 0, 0, 0) == -1 && errno == EPERM;
    refused = refused && ::syscall(SYS_keyctl, 0, 0, 0, 0, 0) == -1 && errno == EPERM;
    refused = refused && ::syscall(SYS_unshare, 0x10000000) == -1 && errno == EPERM;
    refused = refused && ::syscall(SYS_clone, 0x10000000, 0, 0, 0, 0) == -1 && errno == EPERM;
    refused = refused && ::syscall(SYS_clone3, 0, 0) == -1 && errno == ENOSYS;
    refused = refused && ::syscall(SYS_bpf, 0, 0, 0) == -1 && errno == EPERM;
    ::_exit(allowed && refused ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(Process, RunsAndIsKilledWithItsOwner) {
  auto process = Process::Spawn({.arguments = {"/bin/sh", "-c", "exit 5"}});
  ASSERT_TRUE(process.ok());
  auto status = process->Reap();
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(WEXITSTATUS(*status), 5);
  EXPECT_FALSE(Process::Spawn({.arguments = {"/no/such/program"}}).ok());
  pid_t pid = 0;
  {
    auto lasting = Process::Spawn({.arguments = {"/bin/sleep", "1000"}});
    ASSERT_TRUE(lasting.ok());
    pid = lasting->pid();
    EXPECT_FALSE(lasting->pidfd().HasEnded());
  }
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(Pidfd::Open(pid).error().reason, Reason::kNotFound);
}

TEST(Socket, CarriesDescriptorsAndPathsMayBeLong) {
  auto directory = TempDir::Make("/tmp", "wherry-socket-");
  ASSERT_TRUE(directory.ok());
  std::string deep = directory->path() + "/" + std::string(200, 'd');
  ASSERT_TRUE(MakeDirs(AT_FDCWD, deep, 0700).ok());
  auto fd = OpenDirectory(AT_FDCWD, deep);
  EXPECT_EQ(ConnectUnix(fd->get(), "s").error().reason, Reason::kServiceUnavailable);
  auto listener = ListenUnix(fd->get(), "s");
  ASSERT_TRUE(listener.ok()) << listener.error().message;
  EXPECT_TRUE(ConnectUnix(fd->get(), "s").ok());

  auto pair = StreamSocketPair(false);
  ASSERT_TRUE(pair.ok());
  ASSERT_TRUE(SendWithFds(pair->first.get(), "hi", {fd->get(), listener->get()}).ok());
  std::string bytes;
  std::vector<Fd> fds;
  auto open = ReceiveWithFds(pair->second.get(), 100, bytes, fds);
  ASSERT_TRUE(open.ok() && *open);
  EXPECT_EQ(bytes, "hi");
  EXPECT_EQ(fds.size(), 2u);
  pair->first.Close();
  EXPECT_FALSE(*ReceiveWithFds(pair->second.get(), 100, bytes, fds));
}

}  // namespace
}  // namespace wherry::linux
