#include "cli/service_proxy.h"

#include "cli/files.h"
#include "cli/process.h"
#include "proxy/app.h"
#include "proxy/dataplane/iptables/iptables.h"
#include "proxy/dataplane/userspace/userspace.h"

#include <unistd.h>

namespace wherry::cli {
namespace {

bool HasIptables() {
  return ::geteuid() == 0 &&
         (FileExists("/usr/sbin/iptables-nft-restore") || FileExists("/sbin/iptables-nft-restore"));
}

std::unique_ptr<proxy::dataplane::Dataplane> MakeDataplane(World& world, const NodeOptions& options,
                                                           const std::string& cluster_cidr) {
  if (options.proxy_mode == "iptables" || (options.proxy_mode == "auto" && HasIptables())) {
    proxy::dataplane::IptablesOptions iptables;
    iptables.ruleset.pod_cidr = cluster_cidr;
    iptables.ruleset.localhost_node_ports = options.iptables_localhost_nodeports;
    return proxy::dataplane::MakeIptables(world, std::move(iptables));
  }
  return proxy::dataplane::MakeUserspace(world, {.pod_cidr = cluster_cidr});
}

}  // namespace

struct ServiceProxy::Impl {
  std::unique_ptr<proxy::dataplane::Dataplane> dataplane;
  std::unique_ptr<proxy::App> app;
};

ServiceProxy::ServiceProxy(World& world, client::ApiClient& client, const NodeOptions& options,
                           const std::string& cluster_cidr)
    : impl_(std::make_unique<Impl>()) {
  impl_->dataplane = MakeDataplane(world, options, cluster_cidr);
  const std::string node_name = options.node_name.empty() ? HostName() : options.node_name;
  impl_->app = std::make_unique<proxy::App>(world, client, *impl_->dataplane,
                                            proxy::Options{.node_name = node_name});
}
ServiceProxy::~ServiceProxy() = default;
void ServiceProxy::Start() { impl_->app->Start(); }

}  // namespace wherry::cli
