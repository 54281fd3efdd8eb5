#include "nodeagent/lifecycle/machine_info.h"

#include "lib/linux/file.h"
#include "lib/linux/net_dev.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>
#include <utility>

namespace wherry::nodeagent::lifecycle {

namespace {

std::string FirstLine(const std::string& path) {
  auto text = linux::ReadFile(AT_FDCWD, path);
  if (!text.ok()) return "";
  return text->substr(0, text->find('\n'));
}

std::string Text(const std::string& path) {
  auto text = linux::ReadFile(AT_FDCWD, path);
  return text.ok() ? std::move(text).value() : std::string();
}

// The number after "\nKEY", 0 when there is none. A first line is given as "KEY".
int64_t NumberAfter(const std::string& text, const std::string& key) {
  const size_t at = text.find(key);
  return at == std::string::npos ? 0 : std::atoll(text.c_str() + at + key.size());
}

// "MemTotal:  16384 kB" -> bytes.
int64_t MemInfo(const std::string& text, const std::string& key) {
  return NumberAfter("\n" + text, "\n" + key + ":") * 1024;
}

// "cpu  user nice system idle iowait irq softirq steal guest guest_nice": what was not idle, in
// ticks; the last two are in user and nice already. Source: proc_stat(5).
uint64_t BusyTicks(const std::string& stat) {
  std::istringstream words(stat.substr(0, stat.find('\n')));
  std::string name;
  uint64_t user = 0, nice = 0, system = 0, idle = 0, io_wait = 0, irq = 0, soft_irq = 0;
  words >> name >> user >> nice >> system >> idle >> io_wait >> irq >> soft_irq;
  return user + nice + system + irq + soft_irq;
}

// As cAdvisor reads the root group where it has no files of its own.
runtime::ResourceUsage MachineResources(int64_t processes) {
  const std::string memory = Text("/proc/meminfo");
  const std::string pages = "\n" + Text("/proc/vmstat");
  runtime::ResourceUsage usage;
  const auto ticks_per_second = static_cast<uint64_t>(::sysconf(_SC_CLK_TCK));
  usage.cpu_ns = BusyTicks(Text("/proc/stat")) * (1'000'000'000 / ticks_per_second);
  const int64_t used = MemInfo(memory, "MemTotal") - MemInfo(memory, "MemFree");
  const int64_t inactive = MemInfo(memory, "Inactive(file)");
  usage.memory_usage_bytes = static_cast<uint64_t>(used);
  usage.memory_working_set_bytes = static_cast<uint64_t>(used > inactive ? used - inactive : 0);
  usage.memory_rss_bytes = static_cast<uint64_t>(MemInfo(memory, "AnonPages"));
  usage.page_faults = static_cast<uint64_t>(NumberAfter(pages, "\npgfault "));
  usage.major_page_faults = static_cast<uint64_t>(NumberAfter(pages, "\npgmajfault "));
  usage.processes = static_cast<uint64_t>(processes);
  return usage;
}

std::string OsImage() {
  auto text = linux::ReadFile(AT_FDCWD, "/etc/os-release");
  if (!text.ok()) return "";
  std::istringstream lines(*text);
  std::string line;
  while (std::getline(lines, line)) {
    if (!line.starts_with("PRETTY_NAME=")) continue;
    std::string value = line.substr(12);
    if (value.size() >= 2 && value.front() == '"') value = value.substr(1, value.size() - 2);
    return value;
  }
  return "";
}

std::string GoArchitecture(const std::string& machine) {
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  return machine;
}

int64_t Cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return CPU_COUNT(&set);
}

}  // namespace

MachineInfo ReadMachineInfo(const std::string& data_directory) {
  MachineInfo info;
  info.machine_id = FirstLine("/etc/machine-id");
  info.system_uuid = FirstLine("/sys/class/dmi/id/product_uuid");
  if (info.system_uuid.empty()) info.system_uuid = info.machine_id;
  info.boot_id = FirstLine("/proc/sys/kernel/random/boot_id");
  utsname name{};
  if (::uname(&name) == 0) {
    info.kernel_version = name.release;
    info.architecture = GoArchitecture(name.machine);
  }
  info.os_image = OsImage();
  info.cpu_milli = Cpus() * 1000;
  info.memory_bytes = MemInfo(Text("/proc/meminfo"), "MemTotal");
  struct statvfs storage{};
  if (::statvfs(data_directory.c_str(), &storage) == 0) {
    info.storage_bytes = static_cast<int64_t>(storage.f_blocks * storage.f_frsize);
    info.storage_inodes = static_cast<int64_t>(storage.f_files);
  }
  return info;
}

MachineUsage ReadMachineUsage(const std::string& data_directory) {
  MachineUsage usage;
  usage.memory_available_bytes = MemInfo(Text("/proc/meminfo"), "MemAvailable");
  struct statvfs storage{};
  if (::statvfs(data_directory.c_str(), &storage) == 0) {
    usage.storage_available_bytes = static_cast<int64_t>(storage.f_bavail * storage.f_frsize);
    usage.storage_inodes_free = static_cast<int64_t>(storage.f_favail);
    usage.storage_used_bytes =
        static_cast<int64_t>((storage.f_blocks - storage.f_bfree) * storage.f_frsize);
    usage.storage_inodes_used = static_cast<int64_t>(storage.f_files - storage.f_ffree);
  }
  usage.processes_max = std::atoll(FirstLine("/proc/sys/kernel/pid_max").c_str());
  // "0.10 0.20 0.30 2/345 6789": the fourth word is running/all.
  const std::string load = FirstLine("/proc/loadavg");
  if (const size_t slash = load.find('/'); slash != std::string::npos)
    usage.processes = std::atoll(load.c_str() + slash + 1);
  usage.resources = MachineResources(usage.processes);
  usage.interfaces = linux::ParseNetDev(Text("/proc/self/net/dev"));
  return usage;
}

}  // namespace wherry::nodeagent::lifecycle
