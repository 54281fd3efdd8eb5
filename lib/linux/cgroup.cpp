#include "lib/linux/cgroup.h"

#include "lib/linux/cgroup_devices.h"
#include "lib/linux/file.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <optional>

namespace wherry::linux {

struct Cgroup::Shared {
  std::vector<CgroupRoot> roots;
  std::vector<Fd> directories;  // of the mount points
  Fd device_program;            // invalid without v2 or without BPF
};

namespace {

constexpr int64_t kCpuPeriodUs = 100000;
constexpr int kRemoveAttempts = 200;
constexpr int kRemovePauseMs = 5;

// The value after `key` in "key value" lines.
std::optional<uint64_t> FlatKey(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.size() <= key.size() || !line.starts_with(key) || line[key.size()] != ' ') continue;
    line.remove_prefix(key.size() + 1);
    uint64_t value = 0;
    std::from_chars(line.data(), line.data() + line.size(), value);
    return value;
  }
  return std::nullopt;
}

uint64_t Number(std::string_view text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string LimitOr(int64_t value, const char* unlimited) {
  return value > 0 ? std::to_string(value) : std::string(unlimited);
}

// More than any machine has, and far from overflow: a quantity may say 10P cores.
constexpr int64_t kCpuMilliMax = int64_t{1} << 40;

int64_t QuotaUs(int64_t limit_milli) {
  return std::max<int64_t>(std::min(limit_milli, kCpuMilliMax) * kCpuPeriodUs / 1000, 1000);
}

constexpr int kFreezeAttempts = 200;  // of a millisecond

void Pause(int ms) { ::poll(nullptr, 0, ms); }

// Writes `controllers` of v2 ("+cpu +memory") so that groups below `directory` have them.
Status Delegate(const CgroupRoot& root, int directory) {
  std::string wanted;
  if (root.cpu) wanted += "+cpu ";
  if (root.memory) wanted += "+memory ";
  if (root.pids) wanted += "+pids ";
  if (wanted.empty()) return Ok();
  return WriteValue(directory, "cgroup.subtree_control", wanted);
}

Status SetCpuRequestIn(const CgroupRoot& root, int dir, int64_t milli) {
  if (!root.cpu) return Ok();
  uint64_t shares = CpuSharesFromMilli(milli);
  if (root.version == 1) return WriteValue(dir, "cpu.shares", std::to_string(shares));
  return WriteValue(dir, "cpu.weight", std::to_string(CpuWeightFromShares(shares)));
}

Status SetLimitsIn(const CgroupRoot& root, int dir, const CgroupLimits& limits) {
  bool v2 = root.version == 2;
  TRY_STATUS(SetCpuRequestIn(root, dir, limits.cpu_shares_milli));
  if (root.cpu) {
    std::string quota =
        limits.cpu_limit_milli > 0 ? std::to_string(QuotaUs(limits.cpu_limit_milli)) : "";
    if (v2) {
      std::string max = (quota.empty() ? "max" : quota) + " " + std::to_string(kCpuPeriodUs);
      TRY_STATUS(WriteValue(dir, "cpu.max", max));
    } else {
      TRY_STATUS(WriteValue(dir, "cpu.cfs_quota_us", quota.empty() ? "-1" : quota));
    }
  }
  if (root.memory) {
    if (v2) {
      TRY_STATUS(WriteValue(dir, "memory.max", LimitOr(limits.memory_limit_bytes, "max")));
      if (limits.oom_kills_all) TRY_STATUS(WriteValue(dir, "memory.oom.group", "1"));
    } else if (limits.memory_limit_bytes > 0) {
      TRY_STATUS(WriteValue(dir, "memory.limit_in_bytes", LimitOr(limits.memory_limit_bytes, "")));
    }
  }
  if (root.pids && limits.pids_limit > 0) {
    TRY_STATUS(WriteValue(dir, "pids.max", std::to_string(limits.pids_limit)));
  }
  return Ok();
}

// Kernels before 5.14 have no cgroup.kill, v1 has none at all: every process that is listed is
// killed. One that forks between the listing and its end leaves a child behind, hence Frozen.
Status KillListed(int dir) {
  TRY(std::string list, ReadFile(dir, "cgroup.procs"));
  std::string_view rest = list;
  while (!rest.empty()) {
    size_t end = std::min(rest.find('\n'), rest.size());
    int pid = static_cast<int>(Number(rest.substr(0, end)));
    if (pid > 1) ::kill(pid, SIGKILL);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return ForEachEntry(dir, ".", [dir](const std::string& name, unsigned char) -> Status {
    auto child = OpenAt(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    return child.ok() ? KillListed(child->get()) : Ok();
  });
}

// Nothing in the group forks while this exists, once Wait has seen it frozen. v1 freezes by its
// freezer hierarchy, v2 (since 5.2) any group; others stay as they are.
class Frozen {
 public:
  Frozen(const CgroupRoot& root, int dir) : dir_(dir) {
    if (root.version == 2) {
      name_ = "cgroup.freeze";
      if (!WriteValue(dir, name_, "1").ok()) name_ = nullptr;
    } else if (root.freezer) {
      name_ = "freezer.state";
      if (!WriteValue(dir, name_, "FROZEN").ok()) name_ = nullptr;
    }
  }
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;
  ~Frozen() {
    if (name_ == nullptr) return;
    const bool v1 = std::string_view(name_) == "freezer.state";
    Ignore(WriteValue(dir_, name_, v1 ? "THAWED" : "0"), "gone already");
  }
  // A process in the middle of a system call may take a while; killing goes on without it.
  void Wait() const {
    if (name_ == nullptr) return;
    const bool v1 = std::string_view(name_) == "freezer.state";
    for (int attempt = 0; attempt < kFreezeAttempts; ++attempt) {
      auto state = ReadFile(dir_, v1 ? name_ : "cgroup.events");
      if (!state.ok()) return;
      if (v1 ? state->starts_with("FROZEN") : FlatKey(*state, "frozen") == 1) return;
      Pause(1);
    }
  }

 private:
  int dir_;
  const char* name_ = nullptr;  // null: not frozen
};

Status RemoveEmptyTree(int parent, const std::string& name) {
  for (int attempt = 0;; ++attempt) {
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return Ok();
    int error = errno;
    if (error != EBUSY && error != ENOTEMPTY) {
      return ErrnoError(error, "remove cgroup '" + name + "'");
    }
    if (attempt == 0) {
      auto self = OpenAt(parent, name, O_RDONLY | O_DIRECTORY);
      if (self.ok()) {
        int fd = self->get();
        TRY_STATUS(ForEachEntry(fd, ".", [fd](const std::string& child, unsigned char type) {
          return type == 4 /* DT_DIR */ ? RemoveEmptyTree(fd, child) : Ok();
        }));
        continue;
      }
    }
    if (attempt >= kRemoveAttempts) return ErrnoError(error, "remove cgroup '" + name + "'");
    Pause(kRemovePauseMs);
  }
}

}  // namespace

uint64_t CpuSharesFromMilli(int64_t milli) {
  return static_cast<uint64_t>(
      std::clamp<int64_t>(std::min(milli, kCpuMilliMax) * 1024 / 1000, 2, 262144));
}

uint64_t CpuWeightFromShares(uint64_t shares) { return 1 + (shares - 2) * 9999 / 262142; }

Result<int64_t> CountOomKills(int oom_events) {
  char buffer[1024];
  ssize_t n = ::pread(oom_events, buffer, sizeof buffer, 0);
  if (n < 0) return ErrnoError(errno, "read the count of out-of-memory kills");
  // v2 memory.events and v1 memory.oom_control both have the line "oom_kill N".
  auto count = FlatKey(std::string_view(buffer, static_cast<size_t>(n)), "oom_kill");
  return static_cast<int64_t>(count.value_or(0));
}

Status Cgroup::SetLimits(const CgroupLimits& limits) {
  for (size_t i = 0; i < directories_.size(); ++i) {
    if (!directories_[i].valid()) continue;
    auto set = SetLimitsIn(shared_->roots[i], directories_[i].get(), limits);
    if (!set.ok()) return std::move(set).error().Wrap("cgroup '" + path_ + "'");
  }
  return Ok();
}

Status Cgroup::SetCpuRequest(int64_t milli) {
  for (size_t i = 0; i < directories_.size(); ++i) {
    if (!directories_[i].valid()) continue;
    auto set = SetCpuRequestIn(shared_->roots[i], directories_[i].get(), milli);
    if (!set.ok()) return std::move(set).error().Wrap("cgroup '" + path_ + "'");
  }
  return Ok();
}

Status Cgroup::RestrictDevices() {
  bool restricted = false;
  for (size_t i = 0; i < directories_.size(); ++i) {
    if (!directories_[i].valid()) continue;
    int dir = directories_[i].get();
    if (shared_->roots[i].version == 2) {
      if (!shared_->device_program.valid()) continue;
      TRY_STATUS(AttachDeviceProgram(shared_->device_program.get(), dir));
      restricted = true;
    } else if (shared_->roots[i].devices) {
      TRY_STATUS(WriteValue(dir, "devices.deny", "a"));
      for (const char* rule : kDeviceRulesV1) TRY_STATUS(WriteValue(dir, "devices.allow", rule));
      restricted = true;
    }
  }
  if (!restricted) {
    return MakeError(Reason::kServiceUnavailable,
                     "this machine cannot keep containers from devices: it has neither "
                     "CONFIG_CGROUP_BPF nor the devices controller");
  }
  return Ok();
}

Result<CgroupEntrance> Cgroup::OpenEntrance() const {
  CgroupEntrance entrance;
  for (size_t i = 0; i < directories_.size(); ++i) {
    if (!directories_[i].valid()) continue;
    const CgroupRoot& root = shared_->roots[i];
    int dir = directories_[i].get();
    if (root.version == 2) {
      TRY(entrance.unified, directories_[i].Duplicate());
    } else {
      TRY(Fd tasks, OpenAt(dir, "tasks", O_WRONLY));
      entrance.tasks.push_back(std::move(tasks));
    }
    if (root.memory) {
      const char* name = root.version == 2 ? "memory.events" : "memory.oom_control";
      TRY(entrance.oom_events, OpenAt(dir, name, O_RDONLY));
    }
  }
  return entrance;
}

Result<CgroupStats> Cgroup::Stats() const {
  CgroupStats stats;
  for (size_t i = 0; i < directories_.size(); ++i) {
    if (!directories_[i].valid()) continue;
    const CgroupRoot& root = shared_->roots[i];
    int dir = directories_[i].get();
    bool v2 = root.version == 2;
    if (v2) {
      // cpu.stat is there in every v2 group, with or without the cpu controller.
      TRY(std::string cpu, ReadFile(dir, "cpu.stat"));
      stats.cpu_usage_ns = FlatKey(cpu, "usage_usec").value_or(0) * 1000;
    } else if (root.cpuacct) {
      TRY(std::string usage, ReadFile(dir, "cpuacct.usage"));
      stats.cpu_usage_ns = Number(usage);
    }
    if (root.memory) {
      TRY(std::string usage, ReadFile(dir, v2 ? "memory.current" : "memory.usage_in_bytes"));
      TRY(std::string detail, ReadFile(dir, "memory.stat"));
      stats.memory_usage_bytes = Number(usage);
      uint64_t inactive = FlatKey(detail, v2 ? "inactive_file" : "total_inactive_file").value_or(0);
      stats.memory_working_set_bytes =
          stats.memory_usage_bytes > inactive ? stats.memory_usage_bytes - inactive : 0;
      stats.memory_rss_bytes = FlatKey(detail, v2 ? "anon" : "total_rss").value_or(0);
      stats.page_faults = FlatKey(detail, v2 ? "pgfault" : "total_pgfault").value_or(0);
      stats.major_page_faults = FlatKey(detail, v2 ? "pgmajfault" : "total_pgmajfault").value_or(0);
    }
    if (root.pids) {
      TRY(std::string pids, ReadFile(dir, "pids.current"));
      stats.pids = Number(pids);
    }
  }
  return stats;
}

Status Cgroup::Kill() {
  for (size_t i = 0; i < directories_.size(); ++i) {
    if (!directories_[i].valid() || shared_->roots[i].version != 2) continue;
    auto killed = WriteValue(directories_[i].get(), "cgroup.kill", "1");
    if (killed.ok() || killed.error().os_errno == ENODEV) return Ok();
    break;
  }
  for (int round = 0; round < 3; ++round) {
    std::vector<std::unique_ptr<Frozen>> frozen;
    for (size_t i = 0; i < directories_.size(); ++i) {
      if (!directories_[i].valid()) continue;
      frozen.push_back(std::make_unique<Frozen>(shared_->roots[i], directories_[i].get()));
      frozen.back()->Wait();
    }
    for (const Fd& directory : directories_) {
      if (!directory.valid()) continue;
      auto killed = KillListed(directory.get());
      if (!killed.ok() && killed.error().os_errno != ENODEV) return killed;
    }
  }
  return Ok();
}

Status Cgroup::Remove() {
  Status first = Ok();
  for (size_t i = 0; i < directories_.size(); ++i) {
    if (!directories_[i].valid()) continue;
    directories_[i].Close();
    auto removed = RemoveEmptyTree(shared_->directories[i].get(), path_);
    if (!removed.ok() && first.ok()) first = std::move(removed);
  }
  return first;
}

Result<CgroupHierarchy> CgroupHierarchy::FromRoots(std::vector<CgroupRoot> roots) {
  if (roots.empty()) {
    return MakeError(Reason::kServiceUnavailable, "no cgroup file system is mounted");
  }
  auto shared = std::make_shared<Cgroup::Shared>();
  for (const CgroupRoot& root : roots) {
    TRY(Fd directory, OpenAt(AT_FDCWD, root.mount_point, O_RDONLY | O_DIRECTORY));
    shared->directories.push_back(std::move(directory));
    if (root.version == 2) {
      if (auto program = LoadDeviceProgram(); program.ok()) {
        shared->device_program = std::move(program).value();
      }
    }
  }
  shared->roots = std::move(roots);
  CgroupHierarchy hierarchy;
  hierarchy.shared_ = std::move(shared);
  return hierarchy;
}

const std::vector<CgroupRoot>& CgroupHierarchy::roots() const { return shared_->roots; }

std::vector<std::string> CgroupHierarchy::MissingControllers() const {
  const auto& roots = shared_->roots;
  auto anywhere = [&](bool CgroupRoot::* controller) {
    return std::ranges::any_of(roots, [&](const CgroupRoot& root) { return root.*controller; });
  };
  std::vector<std::string> missing;
  if (!anywhere(&CgroupRoot::cpu)) missing.push_back("cpu");
  if (!anywhere(&CgroupRoot::memory)) missing.push_back("memory");
  if (!anywhere(&CgroupRoot::pids)) missing.push_back("pids");
  if (!shared_->device_program.valid() && !anywhere(&CgroupRoot::devices)) {
    missing.push_back("devices");
  }
  return missing;
}

Result<Cgroup> CgroupHierarchy::Create(const std::string& path, bool delegates) const {
  for (size_t i = 0; i < shared_->roots.size(); ++i) {
    int base = shared_->directories[i].get();
    bool v2 = shared_->roots[i].version == 2;
    if (::mkdirat(base, path.c_str(), 0755) != 0 && errno != EEXIST) {
      if (errno != ENOENT) return ErrnoError(errno, "make cgroup '" + path + "'");
      size_t slash = path.find_last_of('/');
      if (slash == std::string::npos) return ErrnoError(ENOENT, "make cgroup '" + path + "'");
      Ignore(Create(path.substr(0, slash), true), "the next mkdir says what is wrong");
      if (::mkdirat(base, path.c_str(), 0755) != 0 && errno != EEXIST) {
        return ErrnoError(errno, "make cgroup '" + path + "'");
      }
    }
    if (v2 && path.find('/') == std::string::npos) {
      TRY_STATUS(Delegate(shared_->roots[i], base));
    }
  }
  TRY(Cgroup cgroup, Open(path));
  if (delegates) {
    for (size_t i = 0; i < cgroup.directories_.size(); ++i) {
      if (shared_->roots[i].version != 2) continue;
      TRY_STATUS(Delegate(shared_->roots[i], cgroup.directories_[i].get()));
    }
  }
  return cgroup;
}

Result<Cgroup> CgroupHierarchy::Open(const std::string& path) const {
  Cgroup cgroup;
  cgroup.shared_ = shared_;
  cgroup.path_ = path;
  for (const Fd& base : shared_->directories) {
    auto directory = OpenAt(base.get(), path, O_RDONLY | O_DIRECTORY);
    if (!directory.ok() && directory.error().reason != Reason::kNotFound) {
      return std::move(directory).error();
    }
    cgroup.directories_.push_back(directory.ok() ? std::move(directory).value() : Fd());
  }
  return cgroup;
}

}  // namespace wherry::linux
