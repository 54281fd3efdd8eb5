#pragma once

#include "apiserver/request/request_info.h"
#include "lib/telemetry/metrics.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>

namespace wherry::apiserver::filters {

// Counts requests under upstream's names: apiserver_request_total,
// apiserver_request_duration_seconds, apiserver_current_inflight_requests. Loop thread.
class RequestMetrics {
 public:
  explicit RequestMetrics(telemetry::Registry& registry);

  void Observe(const RequestInfo& info, int http_status, std::chrono::nanoseconds took);
  // `mutating` requests are counted apart from the others.
  void SetInflight(bool mutating, size_t count);

 private:
  struct Series {
    telemetry::Counter total;
    telemetry::Histogram duration;
  };
  telemetry::Registry& registry_;
  telemetry::Gauge inflight_mutating_;
  telemetry::Gauge inflight_read_only_;
  std::unordered_map<std::string, std::unique_ptr<Series>> series_;
};

}  // namespace wherry::apiserver::filters
