#include "apiserver/filters/request_metrics.h"

namespace wherry::apiserver::filters {

namespace {

constexpr const char* kInflight = "apiserver_current_inflight_requests";
constexpr const char* kInflightHelp =
    "Number of requests being served now, by whether they may change something.";
// Clients choose resources and verbs in paths; beyond this many, time series are shared.
constexpr size_t kSeriesMax = 2'000;

std::string_view ScopeOf(const RequestInfo& info) {
  if (!info.is_resource) return "";
  if (!info.name.empty()) return "resource";
  return info.ns.empty() ? "cluster" : "namespace";
}

}  // namespace

RequestMetrics::RequestMetrics(telemetry::Registry& registry)
    : registry_(registry),
      inflight_mutating_(
          registry.GaugeAt(kInflight, kInflightHelp, {{"request_kind", "mutating"}})),
      inflight_read_only_(
          registry.GaugeAt(kInflight, kInflightHelp, {{"request_kind", "readOnly"}})) {}

void RequestMetrics::Observe(const RequestInfo& info, int http_status,
                             std::chrono::nanoseconds took) {
  std::string verb = info.is_resource ? info.verb : "get";
  std::string code = std::to_string(http_status);
  // A path that names nothing must not make a time series of its own.
  bool known = http_status != 404 || !info.name.empty();
  std::string resource = known ? info.resource : "";
  std::string_view scope = ScopeOf(info);
  std::string key = verb;
  for (std::string_view part :
       {std::string_view(info.group), std::string_view(info.version), std::string_view(resource),
        std::string_view(info.subresource), scope, std::string_view(code)}) {
    key += '\x1f';
    key += part;
  }
  auto found = series_.find(key);
  if (found == series_.end()) {
    bool full = series_.size() >= kSeriesMax;
    for (char& c : verb) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    telemetry::Labels labels = {{"verb", verb}, {"scope", std::string(scope)}};
    if (!full && known) {
      labels["group"] = info.group;
      labels["version"] = info.version;
      labels["resource"] = resource;
      labels["subresource"] = info.subresource;
    }
    auto duration = registry_.HistogramAt(
        "apiserver_request_duration_seconds", "Time from a request's head to its response's head.",
        {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60},
        labels);
    labels["code"] = code;
    auto total = registry_.CounterAt("apiserver_request_total", "Requests answered.", labels);
    found =
        series_
            .emplace(full ? std::string() : key, std::make_unique<Series>(Series{total, duration}))
            .first;
  }
  found->second->total.Increment();
  found->second->duration.Observe(std::chrono::duration<double>(took).count());
}

void RequestMetrics::SetInflight(bool mutating, size_t count) {
  (mutating ? inflight_mutating_ : inflight_read_only_).Set(static_cast<double>(count));
}

}  // namespace wherry::apiserver::filters
