#include "lib/linux/seccomp.h"

#include "lib/linux/file.h"
#include "lib/linux/seccomp_profile.h"

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

  for (const char* name : CallsForAll()) filter.Allow(name);
  for (const auto& [capability, calls] : CallsByCapability()) {
    if ((capabilities >> capability & 1) == 0) continue;
    for (const char* name : calls) filter.Allow(name);
  }
  for (uint64_t personality : kPersonalities) {
    filter.Add(SCMP_ACT_ALLOW, "personality", {scmp_arg_cmp{0, SCMP_CMP_EQ, personality, 0}});
  }
  for (const auto& [mask, value] : kSocketFamilies) {
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
