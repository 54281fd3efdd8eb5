#include "cli/commands.h"
#include "cli/files.h"
#include "cli/node.h"
#include "cli/node_name.h"
#include "cli/options.h"
#include "cli/process.h"
#include "cli/remote.h"
#include "lib/linux/cgroup.h"
#include "lib/linux/netlink.h"
#include "nodeagent/images/native_image_service.h"
#include "nodeagent/network/host_ports.h"
#include "nodeagent/network/pod_network.h"
#include "nodeagent/runtime/native/native_runtime.h"
#include "nodeagent/volumes/mount_calls.h"
#include "nodeagent/volumes/pod_directory.h"
#include "proxy/dataplane/iptables/iptables.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <string>

namespace wherry::cli {
namespace {

namespace native = nodeagent::runtime::native;

struct Options {
  ProcessOptions process;
  std::string node_name;
};

// Stops and removes every pod that the data directory knows, running or not.
Task<Status> RemovePods(World& world, const std::string& data_dir, const std::string& node_name) {
  const auto transport = MakeRegistryTransport(world);
  nodeagent::images::NativeImageService::Options image_options;
  image_options.directory = data_dir + "/images";
  CO_TRY(auto images,
         nodeagent::images::NativeImageService::Open(world, std::move(image_options), *transport));
  native::NativeRuntime::Options runtime_options;
  runtime_options.state_directory = data_dir + "/runtime";
  runtime_options.cgroup_parent = NodeCgroup(node_name);
  CO_TRY(auto runtime,
         native::NativeRuntime::Open(world, runtime_options, images->store(), nullptr));
  CO_TRY(auto pods, co_await runtime->Recover());
  for (const auto& pod : pods) {
    CO_TRY_STATUS(co_await runtime->StopPodSandbox(pod.config.uid));
    CO_TRY_STATUS(co_await runtime->RemovePodSandbox(pod.config.uid));
    std::printf("removed pod %s/%s\n", pod.config.ns.c_str(), pod.config.name.c_str());
  }
  co_return Ok();
}

// Every pod has volumes in memory; a mount would outlive the data directory.
Status RemoveVolumes(const std::string& data_dir) {
  const auto mounts = nodeagent::volumes::KernelMountCalls();
  return nodeagent::volumes::RemovePodDirectories(data_dir + "/pods", *mounts);
}

// The groups that hold the pods' and the supervisors' ones, empty now.
Status RemoveCgroups(const std::string& node_name) {
  TRY(linux::CgroupHierarchy hierarchy, linux::CgroupHierarchy::Detect());
  TRY(linux::Cgroup parent, hierarchy.Open(NodeCgroup(node_name)));
  return parent.Remove();
}

Task<Status> RemoveNetwork(World& world) {
  auto iptables = proxy::dataplane::MakeIptables(world, {});
  CO_TRY_STATUS(co_await iptables->Cleanup());
  CO_TRY_STATUS(nodeagent::network::HostPorts::RemoveAll());
  CO_TRY(linux::RouteSocket routes, linux::RouteSocket::Open());
  Status deleted = routes.DeleteLink(nodeagent::network::PodNetwork::Options{}.bridge);
  if (!deleted.ok() && deleted.error().reason != Reason::kNotFound) co_return deleted;
  co_return Ok();
}

// Which node the data directory is of: what it remembers, else the given name or the host's.
// Errors: kNotFound when no node ever ran with it, kConflict when it remembers another name.
Result<std::string> NodeToReset(const std::string& data_dir, const std::string& given) {
  if (!FileExists(data_dir)) {
    return MakeError(Reason::kNotFound, "no data directory '" + data_dir + "'");
  }
  TRY(const std::string known, RememberedNodeName(data_dir));
  if (known.empty() && !FileExists(data_dir + "/runtime")) {
    return MakeError(Reason::kNotFound, "no node ran with the data directory '" + data_dir + "'");
  }
  return ChooseNodeName(data_dir, given);
}

Task<Status> Reset(World& world, Options options) {
  const std::string& data_dir = options.process.data_dir;
  CO_TRY(std::string node_name, NodeToReset(data_dir, options.node_name));
  CO_TRY(linux::FileLock lock, LockNode(data_dir));
  CO_TRY_STATUS(co_await RemovePods(world, data_dir, node_name));
  CO_TRY_STATUS(RemoveVolumes(data_dir));
  CO_TRY_STATUS(RemoveCgroups(node_name));
  CO_TRY_STATUS(co_await RemoveNetwork(world));
  co_return ForgetNodeName(data_dir);
}

int RunReset(const Options& options) {
  RealWorld world;
  return RunToEnd(world, [&] { return Reset(world.world(), options); });
}

}  // namespace

void AddResetCommand(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand(
      "reset",
      "remove a stopped node's pods, volumes, cgroups, bridge and Service rules; images and state "
      "stay");
  command->footer("example: wherry reset --data-dir /var/lib/wherry");
  auto options = std::make_shared<Options>();
  AddProcessOptions(*command, options->process);
  command->add_option("--node-name", options->node_name,
                      "name of the Node object (default: the one the data directory remembers)");
  command->callback([options, &run] { run = [options] { return RunReset(*options); }; });
}

}  // namespace wherry::cli
