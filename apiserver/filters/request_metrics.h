#pragma once

#include "apiserver/request/request_info.h"
#include "lib/telemetry/metrics.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

namespace wherry::apiserver::filters {

// Counts requests under upstream's names: apiserver_request_total,
// apiserver_request_duration_seconds, apiserver_current_inflight_requests. Loop thread.
class RequestMetrics {
 public:
  // Whether a resource, with its subresource, is one that the server has.
  using Serves = std::function<bool(const RequestInfo& info)>;
  RequestMetrics(telemetry::Registry& registry, Serves serves);

  // What the server does not have shares one series per verb and code, whatever its name.
  void Observe(const RequestInfo& info, int http_status, std::chrono::nanoseconds took);
  // `mutating` requests are counted apart from the others.
  void SetInflight(bool mutating, size_t count);

 private:
  struct Series {
    telemetry::Counter total;
    telemetry::Histogram duration;
  };
  Series& SeriesFor(const RequestInfo& info, const std::string& code);
  Series Make(const RequestInfo& info, const std::string& code);

  telemetry::Registry& registry_;
  Serves serves_;
  telemetry::Gauge inflight_mutating_;
  telemetry::Gauge inflight_read_only_;
  std::unordered_map<std::string, std::unique_ptr<Series>> series_;
};

}  // namespace wherry::apiserver::filters
