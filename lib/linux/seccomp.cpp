#include "lib/linux/seccomp.h"

#include "lib/linux/file.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace wherry::linux {
namespace {

// Allowed to everybody; names of other architectures are skipped when the filter is made.
constexpr auto kAllowed = std::to_array<const char*>({
    "accept",
    "accept4",
    "access",
    "adjtimex",
    "alarm",
    "arch_prctl",
    "bind",
    "brk",
    "capget",
    "capset",
    "chdir",
    "chmod",
    "chown",
    "chown32",
    "clock_adjtime",
    "clock_adjtime64",
    "clock_getres",
    "clock_getres_time64",
    "clock_gettime",
    "clock_gettime64",
    "clock_nanosleep",
    "clock_nanosleep_time64",
    "close",
    "close_range",
    "connect",
    "copy_file_range",
    "creat",
    "dup",
    "dup2",
    "dup3",
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_ctl_old",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "epoll_wait_old",
    "eventfd",
    "eventfd2",
    "execve",
    "execveat",
    "exit",
    "exit_group",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fadvise64_64",
    "fallocate",
    "fanotify_mark",
    "fchdir",
    "fchmod",
    "fchmodat",
    "fchown",
    "fchown32",
    "fchownat",
    "fcntl",
    "fcntl64",
    "fdatasync",
    "fgetxattr",
    "flistxattr",
    "flock",
    "fork",
    "fremovexattr",
    "fsetxattr",
    "fstat",
    "fstat64",
    "fstatat64",
    "fstatfs",
    "fstatfs64",
    "fsync",
    "ftruncate",
    "ftruncate64",
    "futex",
    "futex_time64",
    "futex_waitv",
    "futimesat",
    "get_robust_list",
    "get_thread_area",
    "getcpu",
    "getcwd",
    "getdents",
    "getdents64",
    "getegid",
    "getegid32",
    "geteuid",
    "geteuid32",
    "getgid",
    "getgid32",
    "getgroups",
    "getgroups32",
    "getitimer",
    "getpeername",
    "getpgid",
    "getpgrp",
    "getpid",
    "getppid",
    "getpriority",
    "getrandom",
    "getresgid",
    "getresgid32",
    "getresuid",
    "getresuid32",
    "getrlimit",
    "getrusage",
    "getsid",
    "getsockname",
    "getsockopt",
    "gettid",
    "gettimeofday",
    "getuid",
    "getuid32",
    "getxattr",
    "inotify_add_watch",
    "inotify_init",
    "inotify_init1",
    "inotify_rm_watch",
    "io_cancel",
    "io_destroy",
    "io_getevents",
    "io_pgetevents",
    "io_pgetevents_time64",
    "io_setup",
    "io_submit",
    "ioctl",
    "ioprio_get",
    "ioprio_set",
    "ipc",
    "kill",
    "landlock_add_rule",
    "landlock_create_ruleset",
    "landlock_restrict_self",
    "lchown",
    "lchown32",
    "lgetxattr",
    "link",
    "linkat",
    "listen",
    "listxattr",
    "llistxattr",
    "_llseek",
    "lremovexattr",
    "lseek",
    "lsetxattr",
    "lstat",
    "lstat64",
    "madvise",
    "membarrier",
    "memfd_create",
    "memfd_secret",
    "mincore",
    "mkdir",
    "mkdirat",
    "mknod",
    "mknodat",
    "mlock",
    "mlock2",
    "mlockall",
    "mmap",
    "mmap2",
    "modify_ldt",
    "mprotect",
    "mq_getsetattr",
    "mq_notify",
    "mq_open",
    "mq_timedreceive",
    "mq_timedreceive_time64",
    "mq_timedsend",
    "mq_timedsend_time64",
    "mq_unlink",
    "mremap",
    "msgctl",
    "msgget",
    "msgrcv",
    "msgsnd",
    "msync",
    "munlock",
    "munlockall",
    "munmap",
    "name_to_handle_at",
    "nanosleep",
    "newfstatat",
    "_newselect",
    "open",
    "openat",
    "openat2",
    "pause",
    "pidfd_open",
    "pidfd_send_signal",
    "pipe",
    "pipe2",
    "pkey_alloc",
    "pkey_free",
    "pkey_mprotect",
    "poll",
    "ppoll",
    "ppoll_time64",
    "prctl",
    "pread64",
    "preadv",
    "preadv2",
    "prlimit64",
    "process_mrelease",
    "process_vm_readv",
    "process_vm_writev",
    "pselect6",
    "pselect6_time64",
    "ptrace",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "read",
    "readahead",
    "readlink",
    "readlinkat",
    "readv",
    "recv",
    "recvfrom",
    "recvmmsg",
    "recvmmsg_time64",
    "recvmsg",
    "remap_file_pages",
    "removexattr",
    "rename",
    "renameat",
    "renameat2",
    "restart_syscall",
    "rmdir",
    "rseq",
    "rt_sigaction",
    "rt_sigpending",
    "rt_sigprocmask",
    "rt_sigqueueinfo",
    "rt_sigreturn",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "rt_sigtimedwait_time64",
    "rt_tgsigqueueinfo",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "sched_getaffinity",
    "sched_getattr",
    "sched_getparam",
    "sched_getscheduler",
    "sched_rr_get_interval",
    "sched_rr_get_interval_time64",
    "sched_setaffinity",
    "sched_setattr",
    "sched_setparam",
    "sched_setscheduler",
    "sched_yield",
    "seccomp",
    "select",
    "semctl",
    "semget",
    "semop",
    "semtimedop",
    "semtimedop_time64",
    "send",
    "sendfile",
    "sendfile64",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "set_robust_list",
    "set_thread_area",
    "set_tid_address",
    "setfsgid",
    "setfsgid32",
    "setfsuid",
    "setfsuid32",
    "setgid",
    "setgid32",
    "setgroups",
    "setgroups32",
    "setitimer",
    "setpgid",
    "setpriority",
    "setregid",
    "setregid32",
    "setresgid",
    "setresgid32",
    "setresuid",
    "setresuid32",
    "setreuid",
    "setreuid32",
    "setrlimit",
    "setsid",
    "setsockopt",
    "setuid",
    "setuid32",
    "setxattr",
    "shmat",
    "shmctl",
    "shmdt",
    "shmget",
    "shutdown",
    "sigaction",
    "sigaltstack",
    "signal",
    "signalfd",
    "signalfd4",
    "sigpending",
    "sigprocmask",
    "sigreturn",
    "sigsuspend",
    "socketpair",
    "splice",
    "stat",
    "stat64",
    "statfs",
    "statfs64",
    "statx",
    "symlink",
    "symlinkat",
    "sync",
    "sync_file_range",
    "syncfs",
    "sysinfo",
    "tee",
    "tgkill",
    "time",
    "timer_create",
    "timer_delete",
    "timer_getoverrun",
    "timer_gettime",
    "timer_gettime64",
    "timer_settime",
    "timer_settime64",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_gettime64",
    "timerfd_settime",
    "timerfd_settime64",
    "times",
    "tkill",
    "truncate",
    "truncate64",
    "ugetrlimit",
    "umask",
    "uname",
    "unlink",
    "unlinkat",
    "utime",
    "utimensat",
    "utimensat_time64",
    "utimes",
    "vfork",
    "vmsplice",
    "wait4",
    "waitid",
    "waitpid",
    "write",
    "writev",
});

// Allowed only to holders of a capability, whose kernel checks then decide.
struct CapabilityCalls {
  int capability;
  std::initializer_list<const char*> calls;
};
const CapabilityCalls kByCapability[] = {
    {2 /* DAC_READ_SEARCH */, {"open_by_handle_at"}},
    {16 /* SYS_MODULE */, {"delete_module", "init_module", "finit_module"}},
    {17 /* SYS_RAWIO */, {"iopl", "ioperm"}},
    {18 /* SYS_CHROOT */, {"chroot"}},
    {19 /* SYS_PTRACE */, {"kcmp", "pidfd_getfd", "process_madvise"}},
    {20 /* SYS_PACCT */, {"acct"}},
    {21 /* SYS_ADMIN */,
     {"bpf",           "clone",         "clone3",      "fanotify_init",   "fsconfig",
      "fsmount",       "fsopen",        "fspick",      "lookup_dcookie",  "mount",
      "mount_setattr", "move_mount",    "open_tree",   "perf_event_open", "quotactl",
      "quotactl_fd",   "setdomainname", "sethostname", "setns",           "syslog",
      "umount",        "umount2",       "unshare"}},
    {22 /* SYS_BOOT */, {"reboot"}},
    {23 /* SYS_NICE */, {"get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"}},
    {25 /* SYS_TIME */, {"settimeofday", "stime", "clock_settime", "clock_settime64"}},
    {26 /* SYS_TTY_CONFIG */, {"vhangup"}},
    {34 /* SYSLOG */, {"syslog"}},
    {38 /* PERFMON */, {"perf_event_open"}},
    {39 /* BPF */, {"bpf"}},
};
constexpr int kSysAdmin = 21;

// personality(2) values: Linux, 32-bit Linux, with and without the old layout, and "just asking".
constexpr scmp_datum_t kPersonalities[] = {0x0, 0x8, 0x20000, 0x20008, 0xffffffff};

// CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}
constexpr scmp_datum_t kNamespaceFlags = 0x7E020000;

// socket(2) reads the lower half of its argument only, so that comparing the whole register would
// let a family pass in disguise. These are all families but AF_ALG (38), whose code is a way into
// the kernel that containers do not need, and AF_VSOCK (40), which reaches the hypervisor past
// every network namespace.
struct Families {
  scmp_datum_t mask;
  scmp_datum_t value;
};
constexpr Families kFamilies[] = {{0xffffffe0, 0},  {0xfffffffc, 32}, {0xfffffffe, 36},
                                  {0xffffffff, 39}, {0xffffffff, 41}, {0xfffffffe, 42},
                                  {0xfffffffc, 44}};

class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ERRNO(EPERM)), &seccomp_release) {}
  bool valid() const { return context_ != nullptr; }
  scmp_filter_ctx get() const { return context_.get(); }

  void Add(uint32_t action, std::string_view name, std::initializer_list<scmp_arg_cmp> arguments) {
    int number = seccomp_syscall_resolve_name(std::string(name).c_str());
    if (number == __NR_SCMP_ERROR) return;
    int failed = seccomp_rule_add_array(get(), action, number,
                                        static_cast<unsigned>(arguments.size()), arguments.begin());
    // EEXIST: the name means an allowed call already. EDOM, EINVAL: not on this architecture.
    if (failed != 0 && failed != -EEXIST && failed != -EDOM && failed != -EINVAL) error_ = -failed;
  }
  void Allow(std::string_view name) { Add(SCMP_ACT_ALLOW, name, {}); }
  int error() const { return error_; }

 private:
  std::unique_ptr<void, decltype(&seccomp_release)> context_;
  int error_ = 0;
};

// What comes before libseccomp's own program: i386's socketcall(2) is said not to exist. It has the
// family in memory, where no filter sees it, and libseccomp allows it along with socket(2). C
// libraries have used the direct calls since Linux 4.3.
#if defined(__x86_64__)
constexpr uint32_t kI386SocketCall = 102;
constexpr std::array<sock_filter, 5> kPrefix = {
    sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
    sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386, 0, 3),
    sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kI386SocketCall, 0, 1),
    sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS)};
#else
constexpr std::array<sock_filter, 0> kPrefix = {};
#endif

Result<SeccompProgram> Export(scmp_filter_ctx context) {
  Fd memory(::memfd_create("seccomp", MFD_CLOEXEC));
  if (!memory.valid()) return ErrnoError(errno, "memfd_create");
  if (int failed = seccomp_export_bpf(context, memory.get()); failed != 0) {
    return ErrnoError(-failed, "export a seccomp filter");
  }
  if (::lseek(memory.get(), 0, SEEK_SET) != 0) return ErrnoError(errno, "rewind a seccomp filter");
  TRY(std::string bytes, ReadAll(memory.get(), 1 << 20));
  SeccompProgram program;
  program.instructions.resize(kPrefix.size() + bytes.size() / sizeof(sock_filter));
  std::memcpy(program.instructions.data(), kPrefix.data(), sizeof kPrefix);
  bytes.copy(reinterpret_cast<char*>(program.instructions.data() + kPrefix.size()), bytes.size());
  return program;
}

}  // namespace

Result<SeccompProgram> CompileDefaultProfile(uint64_t capabilities) {
  Filter filter;
  if (!filter.valid()) return MakeError(Reason::kInternalError, "seccomp_init failed");
#if defined(__x86_64__)
  // For 32-bit programs. x32 stays out: nobody has it, and it doubles the kernel's surface.
  if (int failed = seccomp_arch_add(filter.get(), SCMP_ARCH_X86); failed != 0) {
    return ErrnoError(-failed, "add an architecture to a seccomp filter");
  }
#endif
  // A sorted tree of comparisons in place of a list of hundreds.
  seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);

  for (const char* name : kAllowed) filter.Allow(name);
  for (const auto& [capability, calls] : kByCapability) {
    if ((capabilities >> capability & 1) == 0) continue;
    for (const char* name : calls) filter.Allow(name);
  }
  for (scmp_datum_t personality : kPersonalities) {
    filter.Add(SCMP_ACT_ALLOW, "personality", {scmp_arg_cmp{0, SCMP_CMP_EQ, personality, 0}});
  }
  for (const auto& [mask, value] : kFamilies) {
    filter.Add(SCMP_ACT_ALLOW, "socket", {scmp_arg_cmp{0, SCMP_CMP_MASKED_EQ, mask, value}});
  }
  if ((capabilities >> kSysAdmin & 1) == 0) {
    filter.Add(SCMP_ACT_ALLOW, "clone", {scmp_arg_cmp{0, SCMP_CMP_MASKED_EQ, kNamespaceFlags, 0}});
    // Its flags are behind a pointer; ENOSYS makes libc fall back to clone.
    filter.Add(SCMP_ACT_ERRNO(ENOSYS), "clone3", {});
  }
  if (filter.error() != 0) return ErrnoError(filter.error(), "add a rule to a seccomp filter");
  return Export(filter.get());
}

Status InstallSeccomp(const SeccompProgram& program) {
  static_assert(sizeof(sock_filter) == sizeof(uint64_t));
  std::vector<uint64_t> copy = program.instructions;
  sock_fprog fprog{.len = static_cast<unsigned short>(copy.size()),
                   .filter = reinterpret_cast<sock_filter*>(copy.data())};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &fprog) != 0) {
    return ErrnoError(errno, "install a seccomp filter");
  }
  return Ok();
}

}  // namespace wherry::linux
