#include "proxy/healthcheck/service_health.h"

#include "lib/http/server.h"
#include "lib/telemetry/log.h"

#include <nlohmann/json.hpp>

#include <set>
#include <string>

namespace wherry::proxy::healthcheck {
namespace {

constexpr telemetry::Logger kLog("kube-proxy");
// Load balancers ask from few places.
constexpr size_t kConnectionsMax = 256;

class HealthHandler : public http::Handler {
 public:
  void Set(services::HealthCheck check) { check_ = std::move(check); }
  Task<http::Response> Handle(http::Request /*request*/) override {
    co_return HealthResponse(check_);
  }

 private:
  services::HealthCheck check_;
};

}  // namespace

struct ServiceHealth::Port {
  explicit Port(Loop& loop)
      : server(loop, handler, http::ServerOptions{.connections_max = kConnectionsMax}) {}
  HealthHandler handler;
  http::Server server;
};

ServiceHealth::ServiceHealth(Loop& loop) : loop_(loop) {}
ServiceHealth::~ServiceHealth() = default;

void ServiceHealth::Set(const std::vector<services::HealthCheck>& checks) {
  std::set<uint16_t> wanted;
  for (const services::HealthCheck& check : checks) {
    wanted.insert(check.port);
    auto open = ports_.find(check.port);
    if (open == ports_.end()) {
      auto port = std::make_unique<Port>(loop_);
      auto listening = port->server.Listen("0.0.0.0", check.port);
      if (!listening.ok()) {
        kLog.Warn("health check node port cannot be opened",
                  {{"service", check.ns + "/" + check.name},
                   {"port", check.port},
                   {"error", listening.error().message}});
        continue;
      }
      open = ports_.emplace(check.port, std::move(port)).first;
    }
    open->second->handler.Set(check);
  }
  std::erase_if(ports_, [&wanted](const auto& port) { return !wanted.contains(port.first); });
}

http::Response HealthResponse(const services::HealthCheck& check) {
  const nlohmann::json body = {
      {"service", {{"namespace", check.ns}, {"name", check.name}}},
      {"localEndpoints", check.local_endpoints},
      {"serviceProxyHealthy", true},
  };
  http::Response response;
  response.status = check.local_endpoints > 0 ? 200 : 503;
  response.headers.Set("Content-Type", "application/json");
  response.headers.Set("X-Content-Type-Options", "nosniff");
  response.headers.Set("X-Load-Balancing-Endpoint-Weight", std::to_string(check.local_endpoints));
  response.body = body.dump();
  return response;
}

}  // namespace wherry::proxy::healthcheck
