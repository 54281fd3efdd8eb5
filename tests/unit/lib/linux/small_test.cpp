#include "lib/linux/capabilities.h"
#include "lib/linux/file.h"
#include "lib/linux/netlink.h"
#include "lib/linux/process.h"
#include "lib/linux/seccomp.h"
#include "lib/linux/socket.h"
#include "lib/linux/temp_dir.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
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

#if defined(__x86_64__)
// socket(2) by i386's int 0x80: the direct call (359), or socketcall (102) with its arguments in
// memory below 4 GiB.
long CallI386(long number, long first, long second, long third) {
  long result = number;
  asm volatile("int $0x80"
               : "+a"(result)
               : "b"(first), "c"(second), "d"(third)
               : "memory", "r8", "r9", "r10", "r11");
  return result;
}
#endif

// Runs `test` below the default profile; true when it returned true.
bool BelowDefaultProfile(bool (*test)()) {
  auto program = CompileDefaultProfile(DefaultCapabilities());
  CHECK_OK(program);
  pid_t child = ::fork();
  if (child == 0) {
    CHECK(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK_OK(InstallSeccomp(*program));
    ::_exit(test() ? 0 : 1);
  }
  int status = 0;
  return ::waitpid(child, &status, 0) == child && status == 0;
}

TEST(Seccomp, SocketsOfTheKernelsCryptographyAndOfTheHypervisorAreRefused) {
  EXPECT_TRUE(BelowDefaultProfile([] {
    auto refused = [](long family) {
      return ::syscall(SYS_socket, family, SOCK_STREAM, 0) == -1 && errno == EPERM;
    };
    // The kernel looks at the lower half of the register only.
    constexpr long kDisguise = 1L << 32;
    bool all = refused(AF_ALG) && refused(AF_VSOCK) && refused(AF_ALG | kDisguise) &&
               refused(AF_VSOCK | kDisguise);
    for (int family = 0; family < 48; ++family) {
      if (family != AF_ALG && family != AF_VSOCK) all = all && !refused(family);
    }
    return all;
  }));
}

#if defined(__x86_64__)
TEST(Seccomp, ThirtyTwoBitCallsAreNoWayAroundTheFilter) {
  EXPECT_TRUE(BelowDefaultProfile([] {
    if (CallI386(20, 0, 0, 0) != ::getpid()) return true;  // no such calls in this kernel
    auto* arguments = static_cast<int*>(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE,
                                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
    arguments[0] = AF_ALG;
    arguments[1] = SOCK_SEQPACKET;
    bool direct = CallI386(359, AF_ALG, SOCK_SEQPACKET, 0) == -EPERM &&
                  CallI386(359, AF_INET, SOCK_STREAM, 0) >= 0;
    return direct && CallI386(102, 1, reinterpret_cast<long>(arguments), 0) == -ENOSYS;
  }));
  // x32 (bit 30 of the number) ends the process.
  EXPECT_FALSE(BelowDefaultProfile([] {
    ::syscall(SYS_getpid | 0x40000000);
    return true;
  }));
}
#endif

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
