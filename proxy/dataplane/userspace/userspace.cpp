#include "proxy/dataplane/userspace/userspace.h"

#include "lib/linux/local_addresses.h"
#include "lib/linux/netlink.h"
#include "lib/loop/task_scope.h"
#include "lib/telemetry/log.h"
#include "proxy/dataplane/userspace/balancer.h"
#include "proxy/dataplane/userspace/relay.h"
#include "proxy/dataplane/userspace/sockets.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace wherry::proxy::dataplane {
namespace {

using services::Frontend;
using services::Rule;

constexpr telemetry::Logger kLog("kube-proxy");

// One frontend that has or had backends.
struct Service {
  Service(Loop& loop, TcpConnections::Limits limits) : connections(loop, limits), serving(loop) {}
  std::shared_ptr<Balancer> balancer;
  TcpConnections connections;
  bool open = false;
  TaskScope serving;  // the task with the socket; empty when not open
};

class Userspace : public Dataplane {
 public:
  Userspace(World& world, const UserspaceOptions& options)
      : world_(world),
        limits_{.all = options.connections_max, .per_client = options.connections_per_client_max},
        pods_(services::SourceRange::Parse(options.pod_cidr)) {}
  std::string_view name() const override { return "userspace"; }

  Task<Status> Apply(services::Table table) override {
    CO_TRY(const bool intact, AddressesAreThere());
    if (!intact) addresses_.clear();
    CO_TRY_STATUS(SetAddresses(AddressesOf(table)));
    std::set<Frontend> wanted;
    Status first_error = Ok();
    for (Rule& rule : table.rules) {
      wanted.insert(rule.frontend);
      if (rule.backends.empty() && rule.inside_backends.empty()) {
        StopServing(rule.frontend);
        continue;
      }
      Status opened = Serve(std::move(rule));
      if (!opened.ok() && first_error.ok()) first_error = std::move(opened);
    }
    std::erase_if(services_,
                  [&wanted](const auto& entry) { return !wanted.contains(entry.first); });
    co_return first_error;
  }

  Task<Result<bool>> Intact() override { co_return AddressesAreThere(); }

  Task<Status> Cleanup() override {
    services_.clear();
    co_return SetAddresses({});
  }

 private:
  static std::set<std::string> AddressesOf(const services::Table& table) {
    std::set<std::string> addresses;
    for (const Rule& rule : table.rules) {
      if (rule.frontend.kind != Frontend::Kind::kNodePort) addresses.insert(rule.frontend.ip);
    }
    return addresses;
  }

  // A pod, or an address of this node: only those can be bound to.
  bool IsInside(const std::string& ip) const {
    if (pods_ && pods_->Contains(ip)) return true;
    const auto address = ToAddress(ip, 0);
    const linux::Fd probe(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return address.ok() && probe.valid() &&
           ::bind(probe.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) == 0;
  }

  Result<bool> AddressesAreThere() const {
    TRY(const std::vector<linux::Ipv4> present, linux::LocalAddresses());
    std::set<std::string> names;
    for (const linux::Ipv4& ip : present) names.insert(ip.ToString());
    return std::includes(names.begin(), names.end(), addresses_.begin(), addresses_.end());
  }

  // Opens the rule's frontend, or gives the open one its new backends.
  Status Serve(Rule rule) {
    auto& service = services_[rule.frontend];
    if (service == nullptr) {
      service = std::make_unique<Service>(world_.loop, limits_);
      service->balancer =
          std::make_shared<Balancer>(rule, [this](const std::string& ip) { return IsInside(ip); });
    }
    const Frontend frontend = rule.frontend;
    service->balancer->SetRule(std::move(rule));
    if (service->open) return Ok();
    TRY(linux::Fd socket, OpenFrontend(frontend));
    if (frontend.protocol == services::Protocol::kTcp) {
      service->serving.Spawn("serve tcp", ServeTcp(world_, std::move(socket), service->balancer,
                                                   service->connections));
    } else {
      service->serving.Spawn("serve udp", ServeUdp(world_, std::move(socket), service->balancer));
    }
    service->open = true;
    return Ok();
  }

  // New clients are refused; those who are connected stay.
  void StopServing(const Frontend& frontend) {
    auto service = services_.find(frontend);
    if (service == services_.end()) return;
    service->second->serving.Cancel();
    service->second->open = false;
  }

  // Makes the service addresses on the loopback link equal to `wanted`.
  Status SetAddresses(const std::set<std::string>& wanted) {
    if (wanted == addresses_ || no_privilege_) return Ok();
    TRY(linux::RouteSocket routes, linux::RouteSocket::Open());
    TRY(const linux::LinkInfo loopback, routes.Link("lo"));
    for (const std::string& ip : wanted) {
      if (addresses_.contains(ip)) continue;
      TRY(const linux::Ipv4Prefix address, linux::ParseIpv4Prefix(ip + "/32"));
      Status added = routes.AddAddress(loopback.index, address);
      if (!added.ok() && added.error().os_errno == EPERM) {
        kLog.Warn("service addresses cannot be added, only node ports work",
                  {{"error", added.error().message}});
        no_privilege_ = true;
        return Ok();
      }
      TRY_STATUS(std::move(added));
      addresses_.insert(ip);
    }
    for (auto it = addresses_.begin(); it != addresses_.end();) {
      if (wanted.contains(*it)) {
        ++it;
        continue;
      }
      TRY(const linux::Ipv4Prefix address, linux::ParseIpv4Prefix(*it + "/32"));
      TRY_STATUS(routes.DeleteAddress(loopback.index, address));
      it = addresses_.erase(it);
    }
    return Ok();
  }

  World& world_;
  const TcpConnections::Limits limits_;
  std::optional<services::SourceRange> pods_;
  std::map<Frontend, std::unique_ptr<Service>> services_;
  std::set<std::string> addresses_;
  bool no_privilege_ = false;
};

}  // namespace

std::unique_ptr<Dataplane> MakeUserspace(World& world, UserspaceOptions options) {
  return std::make_unique<Userspace>(world, options);
}

}  // namespace wherry::proxy::dataplane
