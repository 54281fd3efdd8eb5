#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace wherry::api::core::v1 {
class Container;
class HTTPGetAction;
class Probe;
}  // namespace wherry::api::core::v1

namespace wherry::nodeagent::probes {

enum class ProbeType { kStartup, kLiveness, kReadiness };
std::string_view ProbeTypeName(ProbeType type);  // "Startup", "Liveness", "Readiness"

struct HttpTarget {
  bool https = false;
  std::string host;
  int port = 0;
  std::string path;  // with query, starts with '/'
  std::vector<std::pair<std::string, std::string>> headers;
};
struct TcpTarget {
  std::string host;
  int port = 0;
};
struct GrpcTarget {
  std::string host;
  int port = 0;
  std::string service;
};
struct ExecTarget {
  std::vector<std::string> command;
};
using ProbeTarget = std::variant<HttpTarget, TcpTarget, ExecTarget, GrpcTarget>;

// A probe of the spec with its defaults filled in.
struct ProbeSpec {
  std::chrono::seconds initial_delay{0};
  std::chrono::seconds period{10};
  std::chrono::seconds timeout{1};
  int success_threshold = 1;
  int failure_threshold = 3;
};
ProbeSpec SpecOf(const api::core::v1::Probe& probe);

// Where an HTTP action leads: named ports are looked up in the container. nullopt when the port is
// none. `pod_ip` stands in for an empty host.
std::optional<HttpTarget> HttpTargetOf(const api::core::v1::HTTPGetAction& action,
                                       const api::core::v1::Container& container,
                                       const std::string& pod_ip);
// nullopt when the probe names no handler or a port that does not exist.
std::optional<ProbeTarget> TargetOf(const api::core::v1::Probe& probe,
                                    const api::core::v1::Container& container,
                                    const std::string& pod_ip);

// One try. kUnknown is thrown away.
enum class Outcome { kSuccess, kFailure, kUnknown };

// Counts tries of one container's probe: the result changes after enough of one kind in a row.
// Pure. Source: kubelet prober/worker.go.
class ThresholdCounter {
 public:
  explicit ThresholdCounter(const ProbeSpec& spec) : spec_(spec) {}
  // The result this try establishes, nullopt while below the threshold.
  std::optional<bool> Count(Outcome outcome);

 private:
  ProbeSpec spec_;
  Outcome last_ = Outcome::kUnknown;
  int run_ = 0;
};

}  // namespace wherry::nodeagent::probes
