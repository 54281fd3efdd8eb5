#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"

// The device filter of containers on cgroup v2, a BPF program.
namespace wherry::linux {

// Loads the program that lets a group make any device node but open only null, zero, full, random,
// urandom, tty, ptmx and pseudo terminals. Errors: kInternalError without CONFIG_CGROUP_BPF.
Result<Fd> LoadDeviceProgram();
// Attaches it to the v2 group `directory` (opened for reading).
Status AttachDeviceProgram(int program, int directory);

// The same rules as lines for the v1 file devices.allow, after "a" was written to devices.deny.
extern const char* const kDeviceRulesV1[10];

}  // namespace wherry::linux
