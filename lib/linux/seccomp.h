#pragma once

#include "lib/base/result.h"

#include <cstdint>
#include <string>
#include <vector>

// System call filters. Source: seccomp(2); the default profile follows containerd's
// contrib/seccomp, so that an image which runs there runs here.
namespace wherry::linux {

// A compiled filter: an array of sock_filter, 8 bytes each.
struct SeccompProgram {
  std::vector<uint64_t> instructions;
};

// The default profile for a process whose bounding set is `capabilities` (bit n is capability n).
// Takes about a millisecond: keep the result. Errors: kInternalError from libseccomp.
Result<SeccompProgram> CompileDefaultProfile(uint64_t capabilities);

// Installs the filter in the calling thread for good. Needs no_new_privs or CAP_SYS_ADMIN.
Status InstallSeccomp(const SeccompProgram& program);

}  // namespace wherry::linux
