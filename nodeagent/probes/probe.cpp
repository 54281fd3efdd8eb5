#include "nodeagent/probes/probe.h"

#include "lib/api/intstr.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <cstdlib>

namespace wherry::nodeagent::probes {

namespace {

constexpr int kPortMax = 65535;

// 0 when there is none.
int PortOf(const api::meta::v1::IntOrString& port, const api::core::v1::Container& container) {
  int number = 0;
  if (api::IsString(port)) {
    const std::string name = api::ToText(port);
    for (const auto& candidate : container.ports())
      if (candidate.name() == name) number = candidate.containerport();
    if (number == 0) number = std::atoi(name.c_str());
  } else {
    number = api::IntValue(port);
  }
  return number > 0 && number <= kPortMax ? number : 0;
}

}  // namespace

std::string_view ProbeTypeName(ProbeType type) {
  switch (type) {
    case ProbeType::kStartup:
      return "Startup";
    case ProbeType::kLiveness:
      return "Liveness";
    case ProbeType::kReadiness:
      return "Readiness";
  }
  return "";
}

ProbeSpec SpecOf(const api::core::v1::Probe& probe) {
  ProbeSpec spec;
  spec.initial_delay = std::chrono::seconds(std::max(0, probe.initialdelayseconds()));
  if (probe.periodseconds() > 0) spec.period = std::chrono::seconds(probe.periodseconds());
  if (probe.timeoutseconds() > 0) spec.timeout = std::chrono::seconds(probe.timeoutseconds());
  if (probe.successthreshold() > 0) spec.success_threshold = probe.successthreshold();
  if (probe.failurethreshold() > 0) spec.failure_threshold = probe.failurethreshold();
  return spec;
}

std::optional<HttpTarget> HttpTargetOf(const api::core::v1::HTTPGetAction& action,
                                       const api::core::v1::Container& container,
                                       const std::string& pod_ip) {
  HttpTarget target;
  target.https = action.scheme() == "HTTPS";
  target.host = action.host().empty() ? pod_ip : action.host();
  target.port = PortOf(action.port(), container);
  target.path = action.path();
  if (!target.path.starts_with('/')) target.path.insert(0, "/");
  for (const auto& header : action.httpheaders())
    target.headers.emplace_back(header.name(), header.value());
  if (target.port == 0) return std::nullopt;
  return target;
}

std::optional<ProbeTarget> TargetOf(const api::core::v1::Probe& probe,
                                    const api::core::v1::Container& container,
                                    const std::string& pod_ip) {
  const auto& handler = probe.handler();
  if (handler.has_exec())
    return ExecTarget{{handler.exec().command().begin(), handler.exec().command().end()}};
  if (handler.has_httpget()) {
    std::optional<HttpTarget> target = HttpTargetOf(handler.httpget(), container, pod_ip);
    if (!target) return std::nullopt;
    return *target;
  }
  if (handler.has_tcpsocket()) {
    const int port = PortOf(handler.tcpsocket().port(), container);
    if (port == 0) return std::nullopt;
    const std::string& host = handler.tcpsocket().host();
    return TcpTarget{host.empty() ? pod_ip : host, port};
  }
  if (handler.has_grpc()) {
    const auto& grpc = handler.grpc();
    if (grpc.port() <= 0 || grpc.port() > kPortMax) return std::nullopt;
    return GrpcTarget{pod_ip, grpc.port(), grpc.service()};
  }
  return std::nullopt;
}

std::optional<bool> ThresholdCounter::Count(Outcome outcome) {
  if (outcome == Outcome::kUnknown) return std::nullopt;
  run_ = outcome == last_ ? run_ + 1 : 1;
  last_ = outcome;
  const bool success = outcome == Outcome::kSuccess;
  if (run_ < (success ? spec_.success_threshold : spec_.failure_threshold)) return std::nullopt;
  return success;
}

}  // namespace wherry::nodeagent::probes
