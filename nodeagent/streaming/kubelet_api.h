#pragma once

#include "lib/http/message.h"
#include "lib/loop/sync.h"
#include "lib/loop/world.h"
#include "nodeagent/lifecycle/node_config.h"
#include "nodeagent/lifecycle/pod_manager.h"
#include "nodeagent/runtime/runtime.h"
#include "nodeagent/stats/collector.h"
#include "nodeagent/streaming/cri_log.h"

#include <functional>
#include <string>

namespace wherry::nodeagent::streaming {

// The kubelet's HTTP API, as the API server speaks it: GET /containerLogs/{ns}/{pod}/{container},
// /pods, /stats/summary, /metrics, /metrics/resource, /healthz, and GET or POST
// /exec/{ns}/{pod}/{container}, /attach/{ns}/{pod}/{container} and /portForward/{ns}/{pod} with an
// upgrade to SPDY/3.1 or WebSocket. Everything but /healthz is for callers that AuthorizeCaller
// lets in.
//
// Loop thread. Source: pkg/kubelet/server.
class KubeletApi : public http::Handler {
 public:
  // `manager` answers null until the agent has started.
  KubeletApi(World& world, runtime::Runtime& runtime, const lifecycle::NodeConfig& node,
             stats::Collector& stats, std::function<const lifecycle::MachineInfo&()> machine,
             std::function<lifecycle::PodManager*()> manager);

  Task<http::Response> Handle(http::Request request) override;
  // A container has ended, or its pod: readers that follow a log look again.
  void ContainersChanged() { changed_.Notify(); }

 private:
  Result<http::Response> Logs(const http::Request& request);
  struct RunningContainer {
    std::string uid;
    std::string name;
  };
  // Of "PREFIX{ns}/{pod}/{container}". Errors: kNotFound.
  Result<RunningContainer> FindRunning(const http::Request& request, std::string_view prefix) const;
  Result<http::Response> Exec(const http::Request& request);
  Result<http::Response> Attach(const http::Request& request);
  Result<http::Response> ForwardPorts(const http::Request& request);
  Result<http::Response> Pods() const;
  Task<http::Response> Summary();
  Task<http::Response> ResourceMetrics();
  // The attempt whose log is meant. Errors: kBadRequest with the kubelet's text.
  Result<int32_t> AttemptOf(const lifecycle::Pod& pod, const std::string& container,
                            bool previous) const;

  World& world_;
  runtime::Runtime& runtime_;
  const lifecycle::NodeConfig& node_;
  stats::Collector& stats_;
  std::function<const lifecycle::MachineInfo&()> machine_;
  const WallTime started_at_;
  std::function<lifecycle::PodManager*()> manager_;
  Notifier changed_;
};

// The query of a log request. Errors: kBadRequest for a value that does not parse.
Result<LogOptions> ParseLogOptions(std::string_view query, WallTime now);

}  // namespace wherry::nodeagent::streaming
