#include "cli/peer_routes.h"

#include "lib/api/kind_registry.h"
#include "lib/client/informer.h"
#include "lib/telemetry/log.h"
#include "nodeagent/network/route_table.h"
#include "proto/api/core/v1.pb.h"

#include <optional>

namespace wherry::cli {
namespace {

namespace core = api::core::v1;
constexpr telemetry::Logger kLog("node");

std::string InternalIpOf(const core::Node& node) {
  for (const core::NodeAddress& address : node.status().addresses()) {
    if (address.type() == "InternalIP") return address.address();
  }
  return "";
}

}  // namespace

struct PeerRoutes::Impl {
  Impl(World& world, client::ApiClient& client, std::string name)
      : own_name(std::move(name)), nodes(world, client, api::KindOf<core::Node>()) {}

  void OnNode(const core::Node& node) {
    const std::string& cidr = node.spec().podcidr();
    const std::string via = InternalIpOf(node);
    if (node.metadata().name() == own_name || cidr.empty() || via.empty()) return;
    auto ensured = routes->Ensure(cidr, via);
    if (!ensured.ok()) {
      kLog.Warn("no route to the pods of a node",
                {{"node", node.metadata().name()}, {"error", ensured.error().message}});
    }
  }

  void OnNodeGone(const core::Node& node) {
    if (node.metadata().name() == own_name || node.spec().podcidr().empty()) return;
    auto removed = routes->Remove(node.spec().podcidr());
    if (!removed.ok()) kLog.Warn("route not removed", {{"error", removed.error().message}});
  }

  std::string own_name;
  std::optional<nodeagent::network::RouteTable> routes;
  client::Informer nodes;
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
  return Ok();
}

}  // namespace wherry::cli
