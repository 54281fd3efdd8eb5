#pragma once

#include "lib/http/message.h"
#include "lib/loop/loop.h"
#include "proxy/services/table.h"

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace wherry::proxy::healthcheck {

// Answers load balancers on the healthCheckNodePorts of Services whose external traffic policy is
// Local: 200 on nodes that have endpoints, 503 on the others. Body and fields as upstream's
// pkg/proxy/healthcheck.
//
// Loop thread (a loop with an asio context), which outlives it.
class ServiceHealth {
 public:
  explicit ServiceHealth(Loop& loop);
  ~ServiceHealth();
  // Opens and closes ports until they are these. A port that is taken is logged, and tried again
  // with the next change.
  void Set(const std::vector<services::HealthCheck>& checks);

 private:
  struct Port;
  Loop& loop_;
  std::map<uint16_t, std::unique_ptr<Port>> ports_;
};

// The answer for one Service.
http::Response HealthResponse(const services::HealthCheck& check);

}  // namespace wherry::proxy::healthcheck
