#include "apiserver/filters/request_metrics.h"

namespace wherry::apiserver::filters {

namespace {

constexpr const char* kInflight = "apiserver_current_inflight_requests";
constexpr const char* kInflightHelp =
    "Number of requests being served now, by whether they may change something.";
// Clients choose resources and verbs in paths; beyond this many, time series are shared.
constexpr size_t kSeriesMax = 2'000;

// Of other paths the method is the client's choice of word.
std::string_view VerbOf(const RequestInfo& info) {
  return info.is_resource ? std::string_view(info.verb) : "get";
}

std::string_view ScopeOf(const RequestInfo& info) {
  if (info.resource.empty()) return "";
  if (!info.name.empty()) return "resource";
  return info.ns.empty() ? "cluster" : "namespace";
}

std::string KeyOf(const RequestInfo& info, std::string_view code) {
  std::string key(VerbOf(info));
  for (std::string_view part :
       {std::string_view(info.group), std::string_view(info.version),
        std::string_view(info.resource), std::string_view(info.subresource), ScopeOf(info), code}) {
    key += '\x1f';
    key += part;
  }
  return key;
}

}  // namespace

RequestMetrics::RequestMetrics(telemetry::Registry& registry, Serves serves)
    : registry_(registry),
      serves_(std::move(serves)),
      inflight_mutating_(
          registry.GaugeAt(kInflight, kInflightHelp, {{"request_kind", "mutating"}})),
      inflight_read_only_(
          registry.GaugeAt(kInflight, kInflightHelp, {{"request_kind", "readOnly"}})) {}

void RequestMetrics::Observe(const RequestInfo& info, int http_status,
                             std::chrono::nanoseconds took) {
  std::string code = std::to_string(http_status);
  auto found = series_.find(KeyOf(info, code));
  Series& series = found == series_.end() ? SeriesFor(info, code) : *found->second;
  series.total.Increment();
  series.duration.Observe(std::chrono::duration<double>(took).count());
}

RequestMetrics::Series& RequestMetrics::SeriesFor(const RequestInfo& info,
                                                  const std::string& code) {
  RequestInfo labelled;
  labelled.verb = info.verb;
  labelled.is_resource = info.is_resource;
  bool has_its_own = !info.is_resource || (series_.size() < kSeriesMax && serves_(info));
  if (has_its_own) labelled = info;
  auto& series = series_[KeyOf(labelled, code)];
  if (series == nullptr) series = std::make_unique<Series>(Make(labelled, code));
  return *series;
}

RequestMetrics::Series RequestMetrics::Make(const RequestInfo& info, const std::string& code) {
  std::string verb(VerbOf(info));
  for (char& c : verb) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  telemetry::Labels labels = {{"verb", verb}, {"scope", std::string(ScopeOf(info))}};
  if (!info.resource.empty()) {
    labels["group"] = info.group;
    labels["version"] = info.version;
    labels["resource"] = info.resource;
    labels["subresource"] = info.subresource;
  }
  auto duration = registry_.HistogramAt(
      "apiserver_request_duration_seconds", "Time from a request's head to its response's head.",
      {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60},
      labels);
  labels["code"] = code;
  auto total = registry_.CounterAt("apiserver_request_total", "Requests answered.", labels);
  return {total, duration};
}

void RequestMetrics::SetInflight(bool mutating, size_t count) {
  (mutating ? inflight_mutating_ : inflight_read_only_).Set(static_cast<double>(count));
}

}  // namespace wherry::apiserver::filters
