#include "nodeagent/lifecycle/container_config.h"

#include "lib/api/quantity.h"
#include "lib/linux/file.h"
#include "nodeagent/lifecycle/oom_score.h"
#include "nodeagent/lifecycle/security_context.h"
#include "nodeagent/volumes/host_files.h"
#include "nodeagent/volumes/payload.h"
#include "nodeagent/volumes/subpath.h"
#include "proto/api/core/v1.pb.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>

namespace wherry::nodeagent::lifecycle {

namespace {

template <typename Map>
int64_t Amount(const Map& map, const char* resource) {
  auto found = map.find(resource);
  if (found == map.end()) return 0;
  const api::Quantity quantity = api::Quantity::From(found->second);
  return std::string_view(resource) == "cpu" ? quantity.MilliValue() : quantity.Value();
}

runtime::LinuxResources ResourcesOf(const Container& container) {
  const auto& resources = container.resources();
  runtime::LinuxResources planned;
  planned.cpu_shares_milli = Amount(resources.requests(), "cpu");
  planned.cpu_limit_milli = Amount(resources.limits(), "cpu");
  if (planned.cpu_shares_milli == 0) planned.cpu_shares_milli = planned.cpu_limit_milli;
  planned.memory_limit_bytes = Amount(resources.limits(), "memory");
  return planned;
}

bool MountsAt(const Container& container, std::string_view path) {
  return std::any_of(container.volumemounts().begin(), container.volumemounts().end(),
                     [&](const auto& mount) { return mount.mountpath() == path; });
}

class Planner {
 public:
  explicit Planner(const ContainerPlanInput& input) : in_(input) {
    for (const auto& [name, value] : in_.environment) variables_[name] = value;
  }

  Result<ContainerPlan> Plan() {
    runtime::ContainerConfig& config = plan_.config;
    const Container& container = in_.container;
    config.name = container.name();
    config.attempt = in_.attempt;
    config.image_id = in_.image.id;
    for (const auto& word : container.command()) config.command.push_back(Expand(word, variables_));
    for (const auto& word : container.args()) config.args.push_back(Expand(word, variables_));
    config.env = in_.environment;
    config.working_dir = container.workingdir();
    config.resources = ResourcesOf(container);
    config.oom_score_adj = OomScoreAdj(in_.pod, container, in_.node.memory_capacity_bytes);
    TRY(config.security, PlanSecurity(in_.pod, container, in_.image.config));
    config.stdin_open = container.stdin();
    config.stdin_once = container.stdinonce();
    config.tty = container.tty();
    config.log_path = LogPath(in_.node, in_.pod, container.name(), in_.attempt);
    plan_.directories.push_back(config.log_path.substr(0, config.log_path.rfind('/')));
    TRY_STATUS(AddVolumes());
    AddHostFiles();
    AddTerminationLog();
    return std::move(plan_);
  }

 private:
  Status AddVolumes() {
    for (const auto& mount : in_.container.volumemounts()) {
      const std::string volume = in_.volumes.PathOf(mount.name());
      if (volume.empty())
        return MakeError(Reason::kInvalid, "cannot find volume \"" + mount.name() +
                                               "\" to mount into container \"" +
                                               in_.container.name() + "\"");
      std::string sub_path = mount.subpath();
      if (!mount.subpathexpr().empty()) {
        std::vector<std::string> missing;
        sub_path = Expand(mount.subpathexpr(), variables_, &missing);
        if (!missing.empty())
          return MakeError(Reason::kInvalid, "missing value for \"" + missing[0] + "\"");
      }
      if (sub_path.starts_with('/'))
        return MakeError(Reason::kInvalid,
                         "error SubPath `" + sub_path + "` must not be an absolute path");
      if (sub_path == ".." || sub_path.starts_with("../") || sub_path.ends_with("/..") ||
          sub_path.find("/../") != std::string::npos)
        return MakeError(Reason::kInvalid,
                         "unable to provision SubPath `" + sub_path + "`: must not contain '..'");
      std::string target = mount.mountpath();
      if (!target.starts_with('/')) target.insert(0, "/");
      plan_.config.mounts.push_back({.host_path = volume,
                                     .container_path = target,
                                     .read_only = mount.readonly() || IsProjected(mount.name()),
                                     .sub_path = sub_path,
                                     .propagation = PropagationOf(mount.mountpropagation())});
    }
    return Ok();
  }

  static runtime::MountPropagation PropagationOf(const std::string& word) {
    if (word == "HostToContainer") return runtime::MountPropagation::kHostToContainer;
    if (word == "Bidirectional") return runtime::MountPropagation::kBidirectional;
    return runtime::MountPropagation::kNone;
  }

  // The agent writes such a volume as root, by names: no container may change them
  // (CVE-2017-1002102), so it is mounted read-only whatever the pod says.
  bool IsProjected(const std::string& volume) const {
    const auto& all = in_.pod.spec().volumes();
    return std::any_of(all.begin(), all.end(), [&volume](const auto& candidate) {
      return candidate.name() == volume && volumes::IsProjection(candidate);
    });
  }

  void AddFile(const std::string& name, const char* target, std::string content, bool read_only,
               bool renew = false) {
    const std::string path = PodDirectory(in_.node, in_.pod.metadata().uid()) + "/" + name;
    plan_.files.push_back({.path = path, .content = std::move(content), .renew = renew});
    plan_.config.mounts.push_back(
        {.host_path = path, .container_path = target, .read_only = read_only});
  }

  void AddHostFiles() {
    const volumes::HostName name =
        volumes::PodHostName(in_.pod, in_.node.node_name, in_.node.cluster_domain);
    auto node_file = [&](const char* file) {
      auto content = linux::ReadFile(AT_FDCWD, in_.node.etc_directory + "/" + file);
      return content.ok() ? std::move(content).value() : std::string();
    };
    plan_.directories.push_back(PodDirectory(in_.node, in_.pod.metadata().uid()));
    const bool read_only = plan_.config.security.read_only_root_filesystem;
    if (!MountsAt(in_.container, "/etc/hosts"))
      AddFile("etc-hosts", "/etc/hosts",
              in_.pod.spec().hostnetwork()
                  ? volumes::HostNetworkHostsFile(in_.pod, node_file("hosts"))
                  : volumes::HostsFile(in_.pod, in_.pod_ips, name),
              false, true);  // a sandbox made anew has another address
    if (!MountsAt(in_.container, "/etc/hostname"))
      AddFile("hostname", "/etc/hostname", name.hostname + "\n", read_only);
    if (!MountsAt(in_.container, "/etc/resolv.conf")) {
      const volumes::ResolverConfig resolver{.cluster_dns = in_.node.cluster_dns,
                                             .cluster_domain = in_.node.cluster_domain,
                                             .node_resolv_conf = node_file("resolv.conf")};
      AddFile("resolv.conf", "/etc/resolv.conf", volumes::ResolvConf(in_.pod, resolver), read_only);
    }
  }

  void AddTerminationLog() {
    std::string target = in_.container.terminationmessagepath();
    if (target.empty()) target = "/dev/termination-log";
    const std::string path =
        TerminationLogPath(in_.node, in_.pod, in_.container.name(), in_.attempt);
    plan_.directories.push_back(path.substr(0, path.rfind('/')));
    plan_.files.push_back({.path = path, .mode = 0666});
    plan_.config.termination_message_path = path;
    plan_.config.mounts.push_back({.host_path = path, .container_path = target});
  }

  const ContainerPlanInput& in_;
  Environment variables_;
  ContainerPlan plan_;
};

Status WriteFile(const ContainerPlan::File& file) {
  const char* path = file.path.c_str();
  linux::Fd fd(::open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, file.mode));
  if (fd.valid()) {
    // Whatever the umask says.
    if (::fchmod(fd.get(), file.mode) != 0) return ErrnoError(errno, "chmod '" + file.path + "'");
    return linux::WriteAll(fd.get(), file.content);
  }
  if (errno != EEXIST) return ErrnoError(errno, "create '" + file.path + "'");
  if (!file.renew) return Ok();
  TRY(const std::string known, linux::ReadFile(AT_FDCWD, file.path));
  if (known == file.content) return Ok();
  // Over the old content and not after emptying the file, which others may be reading.
  TRY(fd, linux::OpenAt(AT_FDCWD, file.path, O_WRONLY | O_NOFOLLOW));
  TRY_STATUS(linux::WriteAll(fd.get(), file.content));
  if (::ftruncate(fd.get(), static_cast<off_t>(file.content.size())) != 0)
    return ErrnoError(errno, "truncate '" + file.path + "'");
  return Ok();
}

}  // namespace

std::string PodDirectory(const NodeConfig& node, const std::string& uid) {
  return node.pods_directory + "/" + uid;
}

std::string LogPath(const NodeConfig& node, const Pod& pod, const std::string& container,
                    int32_t attempt) {
  return node.logs_directory + "/" + LogDirectoryName(pod) + "/" + container + "/" +
         std::to_string(attempt) + ".log";
}

std::string TerminationLogPath(const NodeConfig& node, const Pod& pod, const std::string& container,
                               int32_t attempt) {
  return PodDirectory(node, pod.metadata().uid()) + "/containers/" + container + "/" +
         std::to_string(attempt);
}

Result<ContainerPlan> PlanContainer(const ContainerPlanInput& input) {
  return Planner(input).Plan();
}

Result<runtime::ContainerConfig> CarryOut(ContainerPlan plan) {
  for (const auto& directory : plan.directories)
    TRY_STATUS(linux::MakeDirs(AT_FDCWD, directory, 0755));
  for (const auto& file : plan.files) TRY_STATUS(WriteFile(file));
  for (const auto& mount : plan.config.mounts) {
    if (mount.sub_path.empty()) continue;
    TRY_STATUS(volumes::PrepareSubPath(mount.host_path, mount.sub_path));
  }
  return std::move(plan.config);
}

namespace {

// Addresses of the other family lead nowhere here. Init containers have none, as upstream.
std::vector<network::PortMapping> HostPortsOf(const Pod& pod) {
  std::vector<network::PortMapping> mappings;
  if (pod.spec().hostnetwork()) return mappings;
  for (const auto& container : pod.spec().containers()) {
    for (const auto& port : container.ports()) {
      const bool is_ipv6 = port.hostip().find(':') != std::string::npos;
      if (port.hostport() <= 0 || is_ipv6) continue;
      std::string protocol = port.protocol().empty() ? "tcp" : port.protocol();
      std::ranges::transform(protocol, protocol.begin(),
                             [](unsigned char c) { return std::tolower(c); });
      mappings.push_back({.protocol = std::move(protocol),
                          .host_ip = port.hostip() == "0.0.0.0" ? "" : port.hostip(),
                          .host_port = static_cast<uint16_t>(port.hostport()),
                          .container_port = static_cast<uint16_t>(port.containerport())});
    }
  }
  return mappings;
}

}  // namespace

runtime::SandboxConfig PlanSandbox(const Pod& pod, const NodeConfig& node) {
  const auto& spec = pod.spec();
  runtime::SandboxConfig config;
  config.uid = pod.metadata().uid();
  config.name = pod.metadata().name();
  config.ns = pod.metadata().namespace_();
  const volumes::HostName name = volumes::PodHostName(pod, node.node_name, node.cluster_domain);
  config.hostname = name.hostname;
  if (spec.sethostnameasfqdn() && !name.domain.empty())
    config.hostname = name.hostname + "." + name.domain;
  config.log_directory = node.logs_directory + "/" + LogDirectoryName(pod);
  config.qos_class = QosClass(pod);
  const QuantityMap requests = PodRequests(pod);
  if (auto cpu = requests.find("cpu"); cpu != requests.end())
    config.resources.cpu_shares_milli = cpu->second;
  if (const PodLimit cpu = PodLimitOf(pod, "cpu"); cpu.complete)
    config.resources.cpu_limit_milli = cpu.value;
  if (const PodLimit memory = PodLimitOf(pod, "memory"); memory.complete)
    config.resources.memory_limit_bytes = memory.value;
  config.host_network = spec.hostnetwork();
  config.host_pid = spec.hostpid();
  config.host_ipc = spec.hostipc();
  config.share_process_namespace = spec.shareprocessnamespace();
  for (const auto& sysctl : spec.securitycontext().sysctls())
    config.sysctls[sysctl.name()] = sysctl.value();
  if (spec.securitycontext().has_fsgroup()) config.fs_group = spec.securitycontext().fsgroup();
  config.host_ports = HostPortsOf(pod);
  return config;
}

}  // namespace wherry::nodeagent::lifecycle
