#include "cli/peer_routes.h"

#include "lib/api/kind_registry.h"
#include "lib/client/informer.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/telemetry/log.h"
#include "nodeagent/network/route_table.h"
#include "proto/api/core/v1.pb.h"

#include <chrono>
#include <map>
#include <optional>

namespace wherry::cli {
namespace {

using namespace std::chrono_literals;
namespace core = api::core::v1;
constexpr telemetry::Logger kLog("node");

// A restart of systemd-networkd, for one, removes routes it did not make.
constexpr auto kLookAfterRoutes = 10s;

std::string InternalIpOf(const core::Node& node) {
  for (const core::NodeAddress& address : node.status().addresses()) {
    if (address.type() == "InternalIP") return address.address();
  }
  return "";
}

}  // namespace

struct PeerRoutes::Impl {
  struct Peer {
    std::string cidr;
    std::string via;
    bool failed = false;  // and said so
  };

  Impl(World& world, client::ApiClient& client, std::string name)
      : world(world),
        own_name(std::move(name)),
        nodes(world, client, api::KindOf<core::Node>()),
        tasks(world.loop) {}

  void OnNode(const core::Node& node) {
    const std::string& cidr = node.spec().podcidr();
    const std::string via = InternalIpOf(node);
    if (node.metadata().name() == own_name || cidr.empty() || via.empty()) return;
    Peer& peer = peers[node.metadata().name()];
    peer = {.cidr = cidr, .via = via};
    Ensure(node.metadata().name(), peer);
  }

  void Ensure(const std::string& name, Peer& peer) {
    auto ensured = routes->Ensure(peer.cidr, peer.via);
    if (!ensured.ok() && !peer.failed) {
      kLog.Warn("no route to the pods of a node",
                {{"node", name}, {"error", ensured.error().message}});
    }
    peer.failed = !ensured.ok();
  }

  Task<void> LookAfterRoutes() {
    for (;;) {
      co_await SleepFor(world.loop, kLookAfterRoutes);
      for (auto& [name, peer] : peers) Ensure(name, peer);
    }
  }

  void OnNodeGone(const core::Node& node) {
    if (node.metadata().name() == own_name || node.spec().podcidr().empty()) return;
    peers.erase(node.metadata().name());
    auto removed = routes->Remove(node.spec().podcidr());
    if (!removed.ok()) kLog.Warn("route not removed", {{"error", removed.error().message}});
  }

  World& world;
  std::string own_name;
  std::optional<nodeagent::network::RouteTable> routes;
  std::map<std::string, Peer> peers;  // by the Node's name
  client::Informer nodes;
  TaskScope tasks;
};

PeerRoutes::PeerRoutes(World& world, client::ApiClient& client, std::string own_name)
    : impl_(std::make_unique<Impl>(world, client, std::move(own_name))) {}
PeerRoutes::~PeerRoutes() = default;

Status PeerRoutes::Start() {
  TRY(impl_->routes, nodeagent::network::RouteTable::Open());
  Impl* impl = impl_.get();
  impl_->nodes.AddHandlers({.on_change =
                                [impl](const client::MessagePtr&, const client::MessagePtr& node) {
                                  impl->OnNode(static_cast<const core::Node&>(*node));
                                },
                            .on_delete =
                                [impl](const client::MessagePtr& node) {
                                  impl->OnNodeGone(static_cast<const core::Node&>(*node));
                                }});
  impl_->nodes.Start();
  impl_->tasks.Spawn("look after routes", impl->LookAfterRoutes());
  return Ok();
}

}  // namespace wherry::cli
