#pragma once

#include "nodeagent/runtime/runtime.h"

#include <cstdint>
#include <string>
#include <vector>

namespace wherry::nodeagent::lifecycle {

// The machine as its Node object describes it.
struct MachineInfo {
  std::string machine_id;
  std::string system_uuid;
  std::string boot_id;
  std::string kernel_version;
  std::string os_image;
  std::string architecture;  // Go's spelling: "amd64", "arm64"
  int64_t cpu_milli = 0;
  int64_t memory_bytes = 0;
  int64_t storage_bytes = 0;  // of the file system below the data directory
  int64_t storage_inodes = 0;
};

// From /proc, /sys, /etc/os-release, uname(2) and statfs(2); what cannot be read stays empty.
// Blocking.
MachineInfo ReadMachineInfo(const std::string& data_directory);

// Now.
struct MachineUsage {
  int64_t memory_available_bytes = 0;
  int64_t storage_available_bytes = 0;
  int64_t storage_inodes_free = 0;
  int64_t storage_used_bytes = 0;
  int64_t storage_inodes_used = 0;
  int64_t processes = 0;
  int64_t processes_max = 0;
  runtime::ResourceUsage resources;                  // of everything that runs on the machine
  std::vector<linux::InterfaceCounters> interfaces;  // of this process' network namespace
};
MachineUsage ReadMachineUsage(const std::string& data_directory);

}  // namespace wherry::nodeagent::lifecycle
