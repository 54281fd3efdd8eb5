#include "lib/linux/cgroup.h"
#include "lib/linux/cgroup_devices.h"
#include "lib/linux/file.h"

#include <algorithm>
#include <optional>

namespace wherry::linux {
namespace {

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    size_t end = std::min(text.find(separator), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

bool Contains(const std::vector<std::string_view>& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

constexpr std::string_view kV1Controllers[] = {
    "cpuset",  "cpu",        "cpuacct",  "blkio",   "memory", "devices", "freezer",
    "net_cls", "perf_event", "net_prio", "hugetlb", "pids",   "rdma",    "misc"};

// proc(5): "36 35 98:0 /root /mount/point options [tags…] - type source super-options".
struct MountLine {
  std::string_view mount_point;
  std::string_view type;
  std::vector<std::string_view> super_options;
};
std::optional<MountLine> ParseLine(std::string_view line) {
  auto fields = Split(line, ' ');
  auto dash = std::ranges::find(fields, "-");
  if (fields.size() < 8 || fields.end() - dash < 4) return std::nullopt;
  return MountLine{fields[4], dash[1], Split(dash[3], ',')};
}

}  // namespace

std::vector<CgroupRoot> CgroupHierarchy::RootsFromMountinfo(std::string_view mountinfo,
                                                            std::string_view v2_controllers,
                                                            bool v2_filters_devices) {
  std::vector<CgroupRoot> roots;
  bool unified = false;
  for (std::string_view line : Split(mountinfo, '\n')) {
    auto mount = ParseLine(line);
    if (!mount) continue;
    bool v2 = mount->type == "cgroup2";
    if (!v2 && mount->type != "cgroup") continue;
    if (v2 && unified) continue;
    auto controllers = v2 ? std::vector<std::string_view>{} : mount->super_options;
    if (v2) {
      for (std::string_view part : Split(v2_controllers, ' ')) {
        controllers.push_back(part.substr(0, part.find('\n')));
      }
    }
    CgroupRoot root{.version = v2 ? 2 : 1, .mount_point = std::string(mount->mount_point)};
    root.cpu = Contains(controllers, "cpu");
    root.memory = Contains(controllers, "memory");
    root.pids = Contains(controllers, "pids");
    root.cpuacct = !v2 && Contains(controllers, "cpuacct");
    root.freezer = !v2 && Contains(controllers, "freezer");
    root.devices = !v2 && Contains(controllers, "devices");
    for (std::string_view name : v2 ? std::vector<std::string_view>{} : controllers) {
      if (std::ranges::find(kV1Controllers, name) == std::end(kV1Controllers)) continue;
      root.options += (root.options.empty() ? "" : ",") + std::string(name);
    }
    auto same = [&](const CgroupRoot& other) {
      return !v2 && other.version == 1 && other.options == root.options;
    };
    // The same hierarchy may be mounted in several places.
    if (std::ranges::any_of(roots, same)) continue;
    unified = unified || v2;
    roots.push_back(std::move(root));
  }
  // v2 freezes, kills, filters devices and counts CPU time without controllers: with it there, v1
  // hierarchies that serve only these are not worth their cost per container.
  if (unified) {
    for (CgroupRoot& root : roots) {
      root.freezer = false;
      if (v2_filters_devices) root.devices = false;
      if (!root.cpu) root.cpuacct = false;
    }
  }
  std::erase_if(roots, [](const CgroupRoot& root) {
    return root.version == 1 && !root.cpu && !root.cpuacct && !root.memory && !root.pids &&
           !root.freezer && !root.devices;
  });
  return roots;
}

Result<CgroupHierarchy> CgroupHierarchy::Detect() {
  TRY(std::string mountinfo, ReadFile(AT_FDCWD, "/proc/self/mountinfo"));
  std::string controllers;
  for (const CgroupRoot& root : RootsFromMountinfo(mountinfo, "", true)) {
    if (root.version != 2) continue;
    TRY(controllers, ReadFile(AT_FDCWD, root.mount_point + "/cgroup.controllers"));
  }
  return FromRoots(RootsFromMountinfo(mountinfo, controllers, LoadDeviceProgram().ok()));
}

}  // namespace wherry::linux
