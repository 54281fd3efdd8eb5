#include "nodeagent/lifecycle/machine_info.h"

#include "lib/linux/file.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include <cstdlib>
#include <sstream>

namespace wherry::nodeagent::lifecycle {

namespace {

std::string FirstLine(const std::string& path) {
  auto text = linux::ReadFile(AT_FDCWD, path);
  if (!text.ok()) return "";
  return text->substr(0, text->find('\n'));
}

// "MemTotal:  16384 kB" -> bytes.
int64_t MemInfo(const std::string& key) {
  auto text = linux::ReadFile(AT_FDCWD, "/proc/meminfo");
  if (!text.ok()) return 0;
  const size_t at = text->find(key + ":");
  if (at == std::string::npos) return 0;
  return std::atoll(text->c_str() + at + key.size() + 1) * 1024;
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
  info.memory_bytes = MemInfo("MemTotal");
  struct statvfs storage{};
  if (::statvfs(data_directory.c_str(), &storage) == 0) {
    info.storage_bytes = static_cast<int64_t>(storage.f_blocks * storage.f_frsize);
    info.storage_inodes = static_cast<int64_t>(storage.f_files);
  }
  return info;
}

MachineUsage ReadMachineUsage(const std::string& data_directory) {
  MachineUsage usage;
  usage.memory_available_bytes = MemInfo("MemAvailable");
  struct statvfs storage{};
  if (::statvfs(data_directory.c_str(), &storage) == 0) {
    usage.storage_available_bytes = static_cast<int64_t>(storage.f_bavail * storage.f_frsize);
    usage.storage_inodes_free = static_cast<int64_t>(storage.f_favail);
  }
  usage.processes_max = std::atoll(FirstLine("/proc/sys/kernel/pid_max").c_str());
  // "0.10 0.20 0.30 2/345 6789": the fourth word is running/all.
  const std::string load = FirstLine("/proc/loadavg");
  if (const size_t slash = load.find('/'); slash != std::string::npos)
    usage.processes = std::atoll(load.c_str() + slash + 1);
  return usage;
}

}  // namespace wherry::nodeagent::lifecycle
