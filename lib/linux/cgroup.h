#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// Control groups, v2, v1 and the hybrid of both behind one interface.
//
// Blocking: every call reads or writes cgroupfs. Any thread; one Cgroup is used by one thread at a
// time. Sources: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/; shares to weight as in
// KEP-2254.
namespace wherry::linux {

struct CgroupLimits {
  int64_t cpu_shares_milli = 0;    // requests in thousandths of a core; 0 asks for the minimum
  int64_t cpu_limit_milli = 0;     // 0: no limit
  int64_t memory_limit_bytes = 0;  // 0: no limit
  int64_t pids_limit = 0;          // 0: no limit
  // Out of memory kills every process of the group, not only the largest; v1 cannot.
  bool oom_kills_all = false;
};

struct CgroupStats {
  uint64_t cpu_usage_ns = 0;
  uint64_t memory_usage_bytes = 0;
  uint64_t memory_working_set_bytes = 0;  // usage less inactive file pages
  uint64_t memory_rss_bytes = 0;
  uint64_t page_faults = 0;
  uint64_t major_page_faults = 0;
  uint64_t pids = 0;
};

// One mounted hierarchy that is used for something.
struct CgroupRoot {
  int version = 2;
  std::string mount_point;
  bool cpu = false;
  bool cpuacct = false;
  bool memory = false;
  bool pids = false;
  bool freezer = false;  // v1; v2 can always freeze and kill
  bool devices = false;  // v1; v2 takes a BPF program
  std::string options;   // v1: what mounts this hierarchy again, "cpu,cpuacct"
};

// What a process needs to move itself in: it is born into `unified` (clone3 CLONE_INTO_CGROUP, -1
// without v2) and writes "0" to each of `tasks`. Moving the single thread that asks takes no
// system-wide lock, where cgroup.procs waits for a grace period of 6-16 ms (kernel/cgroup/cgroup.c,
// cgroup_attach_lock).
struct CgroupEntrance {
  Fd unified;
  std::vector<Fd> tasks;
  Fd oom_events;  // to be read by CountOomKills; -1 without a memory controller
};

// One group in all hierarchies that are in use.
class Cgroup {
 public:
  const std::string& path() const { return path_; }  // "kubepods/burstable/pod…", relative

  // Errors: kInternalError naming the file. What the kernel has no controller for is left out.
  Status SetLimits(const CgroupLimits& limits);
  // Only the share of the processors, as of a request in thousandths of a core.
  Status SetCpuRequest(int64_t milli);
  // Only the devices every container has may be opened. Source: OCI runtime-spec "Default Devices".
  // Errors: kServiceUnavailable when the machine has neither BPF programs for v2 groups nor v1's
  // devices controller; the group is then not restricted.
  Status RestrictDevices();
  Result<CgroupEntrance> OpenEntrance() const;
  Result<CgroupStats> Stats() const;
  // SIGKILL to every process in it and below it. They may take a moment to end, which Remove waits
  // for.
  Status Kill();
  // Removes the empty group, and empty groups below it; gone already is fine. Waits a little for
  // processes that are on their way out.
  Status Remove();

 private:
  friend class CgroupHierarchy;
  struct Shared;
  std::shared_ptr<const Shared> shared_;
  std::string path_;
  std::vector<Fd> directories_;  // one per root; invalid where the group does not exist
};

// The hierarchies of this machine.
class CgroupHierarchy {
 public:
  // Looks at /proc/self/mountinfo. Errors: kServiceUnavailable when no cgroup file system is there.
  static Result<CgroupHierarchy> Detect();
  // From the text of a mountinfo file, what cgroup.controllers of the v2 mount says, and whether
  // v2 can filter devices here.
  static std::vector<CgroupRoot> RootsFromMountinfo(std::string_view mountinfo,
                                                    std::string_view v2_controllers,
                                                    bool v2_filters_devices);
  static Result<CgroupHierarchy> FromRoots(std::vector<CgroupRoot> roots);

  const std::vector<CgroupRoot>& roots() const;
  // "pids": limits of these cannot be enforced here.
  std::vector<std::string> MissingControllers() const;

  // Makes the group and what is missing above it. `delegates` says that groups below it, not it,
  // will hold the processes (v2's "no internal processes").
  Result<Cgroup> Create(const std::string& path, bool delegates) const;
  // The group as far as it exists.
  Result<Cgroup> Open(const std::string& path) const;

 private:
  std::shared_ptr<const Cgroup::Shared> shared_;
};

// The number of processes that the kernel killed for lack of memory, from CgroupEntrance's file.
Result<int64_t> CountOomKills(int oom_events);

// cpu.shares (2..262144) of a request, and cpu.weight (1..10000) of shares.
uint64_t CpuSharesFromMilli(int64_t milli);
uint64_t CpuWeightFromShares(uint64_t shares);

}  // namespace wherry::linux
