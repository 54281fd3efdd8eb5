#include "cli/node.h"

#include "cli/files.h"
#include "cli/local_address.h"
#include "cli/node_name.h"
#include "cli/peer_routes.h"
#include "cli/remote.h"
#include "cli/service_proxy.h"
#include "lib/http/curl_client.h"
#include "lib/http/server.h"
#include "lib/linux/netlink.h"
#include "lib/loop/blocking.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/thread_pool.h"
#include "lib/telemetry/log.h"
#include "nodeagent/app.h"
#include "nodeagent/images/native_image_service.h"
#include "nodeagent/network/pod_network.h"
#include "nodeagent/runtime/native/native_runtime.h"

#include <fcntl.h>

#include <chrono>
#include <optional>

namespace wherry::cli {
namespace {

using namespace std::chrono_literals;
namespace network = nodeagent::network;
namespace native = nodeagent::runtime::native;

constexpr telemetry::Logger kLog("node");
constexpr auto kLookAfterHostPorts = 4s;

// The pod CIDR that the control plane gave this node earlier, "" when none is known.
std::string KnownPodCidr(const std::string& path) {
  auto known = ReadFile(path);
  return known.ok() ? *known : "";
}

}  // namespace

Result<linux::FileLock> LockNode(const std::string& data_dir) {
  auto lock = linux::FileLock::TryLock(AT_FDCWD, data_dir + "/node.lock");
  if (lock.ok() || lock.error().reason != Reason::kConflict) return lock;
  return MakeError(Reason::kConflict,
                   "another node agent uses the data directory '" + data_dir + "'");
}

std::string NodeCgroup(const std::string& node_name) { return "wherry-" + node_name; }

Result<NodeOptions> WithDefaults(const std::string& data_dir, NodeOptions options) {
  TRY(options.node_name, ChooseNodeName(data_dir, options.node_name));
  if (options.node_ip.empty()) options.node_ip = FirstAddress();
  return options;
}

struct Node::Impl {
  World& world;
  client::ApiClient& client;
  Setup setup;
  std::string data_dir = setup.process.data_dir;

  // In the order of their making; destroyed the other way round.
  std::optional<linux::FileLock> lock = std::nullopt;
  std::unique_ptr<http::CurlClient> registry_transport = nullptr;
  // Large layers take minutes to unpack: no pod's start, stop or mount waits for them.
  std::unique_ptr<Blocking> image_jobs = MakeThreadPool(2);
  World image_world{world.loop, world.clock, world.random, *image_jobs, world.faults};
  std::unique_ptr<nodeagent::images::NativeImageService> images = nullptr;
  std::shared_ptr<network::PodNetwork> pod_network = nullptr;  // shared with a blocking call
  std::unique_ptr<native::NativeRuntime> runtime = nullptr;
  std::unique_ptr<nodeagent::App> agent = nullptr;
  std::unique_ptr<http::Server> server = nullptr;
  std::unique_ptr<PeerRoutes> peer_routes = nullptr;
  std::unique_ptr<ServiceProxy> proxy = nullptr;
  TaskScope tasks = TaskScope(world.loop);

  Status Prepare() {
    for (const char* directory : {"", "/images", "/runtime", "/network"}) {
      TRY_STATUS(MakePrivateDirectory(data_dir + directory));
    }
    TRY(lock, LockNode(data_dir));
    TRY_STATUS(RememberNodeName(data_dir, setup.options.node_name));
    registry_transport = MakeRegistryTransport(world);
    nodeagent::images::NativeImageService::Options image_options;
    image_options.directory = data_dir + "/images";
    image_options.insecure_registries = setup.options.insecure_registries;
    TRY(images, nodeagent::images::NativeImageService::Open(image_world, std::move(image_options),
                                                            *registry_transport));
    const std::string known_cidr = KnownPodCidr(data_dir + "/network/pod-cidr");
    if (!known_cidr.empty()) TRY_STATUS(OpenNetwork(known_cidr));
    native::NativeRuntime::Options runtime_options;
    runtime_options.state_directory = data_dir + "/runtime";
    runtime_options.cgroup_parent = NodeCgroup(setup.options.node_name);
    runtime_options.pod_pids_max = setup.options.pod_max_pids;
    TRY(runtime,
        native::NativeRuntime::Open(world, runtime_options, images->store(), pod_network.get()));
    for (const std::string& controller : runtime->MissingControllers()) {
      kLog.Warn("this machine has no such cgroup controller, its limits are not enforced",
                {{"controller", controller}});
    }
    return Ok();
  }

  Status OpenNetwork(const std::string& cidr) {
    network::PodNetwork::Options options;
    options.directory = data_dir + "/network";
    TRY(options.pod_cidr, linux::ParseIpv4Prefix(cidr));
    if (auto mtu = network::MtuOfLinkWith(setup.options.node_ip); mtu.ok()) {
      options.mtu = *mtu;
    } else {
      kLog.Warn("pods get the usual MTU", {{"mtu", options.mtu}, {"error", mtu.error().message}});
    }
    TRY(pod_network, network::PodNetwork::Open(options));
    return Ok();
  }

  // Called by the agent once the Node object has its pod CIDR.
  Task<Status> SetUpPodNetwork(std::string cidr) {
    const std::string path = data_dir + "/network/pod-cidr";
    const std::string known = KnownPodCidr(path);
    if (!known.empty() && known != cidr) {
      co_return MakeError(Reason::kConflict, "the node's pod CIDR changed from '" + known +
                                                 "' to '" + cidr +
                                                 "'; remove its pods with `wherry reset` first");
    }
    if (pod_network == nullptr) {
      CO_TRY_STATUS(OpenNetwork(cidr));
      CO_TRY_STATUS(WriteFile(path, cidr));
      runtime->SetNetwork(*pod_network);
    }
    co_return Ok();
  }

  // Another firewall's reload takes them away.
  Task<void> LookAfterHostPorts() {
    for (;;) {
      co_await SleepFor(world.loop, kLookAfterHostPorts);
      if (pod_network == nullptr) continue;
      auto look = [network = pod_network] { return network->LookAfterHostPorts(); };
      auto looked = co_await world.blocking.Run(world.loop, std::move(look));
      if (!looked.ok()) {
        kLog.Warn("host ports could not be checked", {{"error", looked.error().message}});
      }
    }
  }

  Task<void> RemoveAbandonedImages() {
    auto removed = co_await images->RemoveAbandoned();
    if (!removed.ok()) {
      kLog.Warn("leftovers of interrupted pulls stay", {{"error", removed.error().message}});
    }
  }

  void MakeAgent() {
    nodeagent::Options options;
    options.node_name = setup.options.node_name;
    options.node_ip = setup.options.node_ip;
    options.data_dir = data_dir;
    options.kubelet_port = setup.options.kubelet_port;
    options.allowed_unsafe_sysctls = setup.options.allowed_unsafe_sysctls;
    options.setup_pod_network = [this](std::string cidr) {
      return SetUpPodNetwork(std::move(cidr));
    };
    agent = std::make_unique<nodeagent::App>(world, client, *runtime, *images, std::move(options));
  }

  http::TlsServerConfig Tls() const {
    return {.certificate_pem = setup.serving.certificate_pem,
            .key_pem = setup.serving.key_pem,
            .client_ca_pem = setup.cluster_ca_pem};
  }

  Status Listen() {
    server = std::make_unique<http::Server>(world.loop, agent->handler());
    TRY(uint16_t port, server->Listen(setup.options.node_ip, setup.options.kubelet_port, Tls()));
    Ignore(port, "the port was given");
    return Ok();
  }
};

Node::Node(World& world, client::ApiClient& client, Setup setup)
    : impl_(new Impl{.world = world, .client = client, .setup = std::move(setup)}) {}
Node::~Node() = default;

Task<Status> Node::Start() {
  CO_TRY_STATUS(impl_->Prepare());
  impl_->MakeAgent();
  CO_TRY_STATUS(impl_->Listen());
  impl_->agent->Start();
  impl_->tasks.Spawn("look after host ports", impl_->LookAfterHostPorts());
  impl_->tasks.Spawn("remove abandoned images", impl_->RemoveAbandonedImages());
  impl_->peer_routes =
      std::make_unique<PeerRoutes>(impl_->world, impl_->client, impl_->setup.options.node_name);
  CO_TRY_STATUS(impl_->peer_routes->Start());
  if (impl_->setup.with_proxy) {
    impl_->proxy = std::make_unique<ServiceProxy>(impl_->world, impl_->client, impl_->setup.options,
                                                  impl_->setup.pod_cidr);
    impl_->proxy->Start();
  }
  co_return Ok();
}

Task<void> Node::Stop() {
  impl_->proxy.reset();
  impl_->peer_routes.reset();
  if (impl_->server != nullptr) co_await impl_->server->Drain(1s);
  impl_->server.reset();
  impl_->agent.reset();
}

Status Node::SetServing(const http::CertifiedKey& serving) {
  impl_->setup.serving = serving;
  return impl_->server->SetTls(impl_->Tls());
}

http::Handler& Node::handler() { return impl_->agent->handler(); }
const std::string& Node::name() const { return impl_->setup.options.node_name; }
const std::string& Node::ip() const { return impl_->setup.options.node_ip; }

}  // namespace wherry::cli
