#include "nodeagent/runtime/native/container_plan.h"

#include "lib/linux/capabilities.h"
#include "lib/linux/file.h"
#include "lib/linux/mount.h"
#include "nodeagent/runtime/native/host_devices.h"

#include <linux/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>

namespace wherry::nodeagent::runtime::native {
namespace {

using linux::Fd;

constexpr const char* kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Source: dockerfile semantics as kubelet states them: command replaces ENTRYPOINT and, unless args
// are given, CMD as well; args alone replace CMD.
std::vector<std::string> Arguments(const ContainerConfig& config,
                                   const images::ImageConfig& image) {
  std::vector<std::string> arguments = config.command.empty() ? image.entrypoint : config.command;
  const auto& rest = config.command.empty() && config.args.empty() ? image.cmd : config.args;
  arguments.insert(arguments.end(), rest.begin(), rest.end());
  return arguments;
}

std::vector<std::string> Environment(const ContainerConfig& config, const SandboxConfig& sandbox,
                                     const images::ImageConfig& image) {
  std::vector<std::string> environment;
  auto set = [&](const std::string& name, const std::string& value) {
    auto same = [&](const std::string& variable) {
      return variable.size() > name.size() && variable.starts_with(name) &&
             variable[name.size()] == '=';
    };
    auto found = std::ranges::find_if(environment, same);
    if (found != environment.end()) {
      *found = name + "=" + value;
    } else {
      environment.push_back(name + "=" + value);
    }
  };
  environment.push_back(kDefaultPath);
  set("HOSTNAME", sandbox.hostname);
  if (config.tty) set("TERM", "xterm");
  for (const std::string& variable : image.env) {
    size_t equals = variable.find('=');
    if (equals != std::string::npos) set(variable.substr(0, equals), variable.substr(equals + 1));
  }
  for (const auto& [name, value] : config.env) set(name, value);
  return environment;
}

Result<init::Privileges> PlanPrivileges(const SecurityContext& security,
                                        const images::ImageConfig& image) {
  init::Privileges privileges{.uid = security.run_as_user,
                              .gid = security.run_as_group,
                              .supplemental_groups = security.supplemental_groups,
                              .run_as_non_root = security.run_as_non_root};
  privileges.user = security.run_as_username.empty() ? image.user : security.run_as_username;
  TRY(uint64_t all, linux::BoundingCapabilities());
  if (security.privileged) {
    privileges.capabilities = all;
  } else {
    TRY(privileges.capabilities,
        linux::ApplyCapabilityChanges(linux::DefaultCapabilities(), all, security.add_capabilities,
                                      security.drop_capabilities));
    privileges.capabilities &= all;
  }
  privileges.no_new_privs = !security.allow_privilege_escalation && !security.privileged;
  const std::string& seccomp = security.seccomp_profile;
  privileges.default_seccomp = seccomp != "Unconfined" && !security.privileged;
  if (privileges.default_seccomp && seccomp != "RuntimeDefault" && !seccomp.empty()) {
    return MakeError(Reason::kInvalid, "seccomp profile '" + seccomp + "' is not supported");
  }
  return privileges;
}

struct PlannedMount {
  size_t position = 0;
  init::MountTarget target;
  Fd tree;
};

linux::Propagation PropagationOf(const Mount& mount) {
  switch (mount.propagation) {
    case MountPropagation::kHostToContainer:
      return linux::Propagation::kSlave;
    case MountPropagation::kBidirectional:
      return linux::Propagation::kShared;
    case MountPropagation::kNone:
      break;
  }
  return linux::Propagation::kPrivate;
}

Result<PlannedMount> PlanMount(const Mount& mount) {
  PlannedMount planned{.target = {.container_path = mount.container_path}};
  auto source = linux::OpenAt(AT_FDCWD, mount.host_path, O_PATH);
  if (source.ok() && !mount.sub_path.empty()) {
    source = linux::OpenBeneath(source->get(), mount.sub_path, O_PATH);
  }
  if (!source.ok()) {
    return MakeError(Reason::kInvalid, "mount '" + mount.host_path + "' at '" +
                                           mount.container_path + "': " + source.error().message);
  }
  struct stat info{};
  if (::fstat(source->get(), &info) != 0)
    return ErrnoError(errno, "stat '" + mount.host_path + "'");
  planned.target.is_directory = S_ISDIR(info.st_mode);
  auto tree = linux::CloneMount(source->get(), "", mount.recursive, PropagationOf(mount));
  if (!tree.ok()) {
    return std::move(tree).error().Wrap("mount '" + mount.host_path + "' at '" +
                                        mount.container_path + "'");
  }
  planned.tree = std::move(tree).value();
  if (mount.read_only) {
    TRY_STATUS(
        linux::SetMountAttributes(planned.tree.get(), MOUNT_ATTR_RDONLY, 0, mount.recursive));
  }
  return planned;
}

size_t Depth(const std::string& path) {
  size_t depth = 0;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '/' && (i == 0 || path[i - 1] == '/')) ++depth;
  }
  return depth;
}

// What /sys/fs/cgroup of the container shows.
std::vector<std::pair<std::string, std::string>> CgroupMounts(
    const linux::CgroupHierarchy& hierarchy) {
  std::vector<std::pair<std::string, std::string>> mounts;
  bool v1 = std::ranges::any_of(hierarchy.roots(), [](const auto& r) { return r.version == 1; });
  if (!v1) return {{"", ""}};
  for (const linux::CgroupRoot& root : hierarchy.roots()) {
    if (root.version == 2) continue;
    std::string name = root.mount_point.substr(root.mount_point.find_last_of('/') + 1);
    mounts.emplace_back(name, root.options);
  }
  return mounts;
}

Status AppendEntrance(const linux::Cgroup& cgroup, ContainerPlan& plan) {
  TRY(linux::CgroupEntrance entrance, cgroup.OpenEntrance());
  plan.spec.has_unified = entrance.unified.valid();
  plan.spec.tasks_count = entrance.tasks.size();
  plan.spec.has_oom_events = entrance.oom_events.valid();
  if (entrance.unified.valid()) plan.fds.push_back(std::move(entrance.unified));
  for (Fd& tasks : entrance.tasks) plan.fds.push_back(std::move(tasks));
  if (entrance.oom_events.valid()) plan.fds.push_back(std::move(entrance.oom_events));
  return Ok();
}

}  // namespace

int ParseSignal(const std::string& name) {
  int number = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error == std::errc() && end == name.data() + name.size() && number > 0 && number < NSIG) {
    return number;
  }
  std::string word = name.starts_with("SIG") ? name.substr(3) : name;
  for (int signal = 1; signal < NSIG; ++signal) {
    const char* known = ::sigabbrev_np(signal);
    if (known != nullptr && word == known) return signal;
  }
  if (word.starts_with("RTMIN+")) {
    int offset = 0;
    std::from_chars(word.data() + 6, word.data() + word.size(), offset);
    if (offset >= 0 && SIGRTMIN + offset <= SIGRTMAX) return SIGRTMIN + offset;
  }
  return SIGTERM;
}

Result<ContainerPlan> PlanContainer(const ContainerPlanInput& input) {
  const ContainerConfig& config = input.config;
  const SecurityContext& security = config.security;
  const images::ImageConfig& image = input.image.image.config;
  ContainerPlan plan;
  init::ContainerSpec& spec = plan.spec;
  spec.name = config.name;
  spec.attempt = config.attempt;
  spec.id = input.id;
  spec.arguments = Arguments(config, image);
  if (spec.arguments.empty()) return MakeError(Reason::kInvalid, "no command specified");
  spec.environment = Environment(config, input.sandbox, image);
  spec.working_directory = config.working_dir.empty() ? image.working_dir : config.working_dir;
  if (spec.working_directory.empty()) spec.working_directory = "/";
  TRY(spec.privileges, PlanPrivileges(security, image));
  spec.privileged = security.privileged;
  spec.read_only_root = security.read_only_root_filesystem;
  spec.tty = config.tty;
  spec.stdin_open = config.stdin_open;
  spec.stdin_once = config.stdin_once;
  spec.oom_score_adj = config.oom_score_adj;
  spec.masked_paths = security.masked_paths;
  spec.readonly_paths = security.readonly_paths;
  spec.cgroup_mounts = CgroupMounts(input.hierarchy);
  if (security.privileged) {
    TRY(spec.devices, ListHostDevices());
  } else {
    TRY_STATUS(input.cgroup.RestrictDevices());
  }

  plan.fds.push_back(std::move(input.root));
  size_t slash = config.log_path.find_last_of('/');
  if (slash == std::string::npos) return MakeError(Reason::kInvalid, "log path is not absolute");
  std::string log_directory = config.log_path.substr(0, slash);
  TRY_STATUS(linux::MakeDirs(AT_FDCWD, log_directory, 0755));
  TRY(Fd log, linux::OpenAt(AT_FDCWD, log_directory, O_RDONLY | O_DIRECTORY));
  plan.fds.push_back(std::move(log));
  spec.log_name = config.log_path.substr(slash + 1);
  TRY_STATUS(AppendEntrance(input.cgroup, plan));

  std::vector<PlannedMount> mounts;
  for (const Mount& mount : config.mounts) {
    TRY(PlannedMount planned, PlanMount(mount));
    planned.position = mounts.size();
    mounts.push_back(std::move(planned));
  }
  // A mount inside another one comes after it, equals in the order given.
  std::ranges::sort(mounts, {}, [](const PlannedMount& mount) {
    return std::pair(Depth(mount.target.container_path), mount.position);
  });
  for (PlannedMount& mount : mounts) {
    spec.mounts.push_back(std::move(mount.target));
    plan.fds.push_back(std::move(mount.tree));
  }
  return plan;
}

}  // namespace wherry::nodeagent::runtime::native
