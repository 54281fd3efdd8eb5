#pragma once

#include "lib/json/json.h"
#include "nodeagent/lifecycle/machine_info.h"
#include "nodeagent/stats/collector.h"

#include <string>

namespace wherry::nodeagent::stats {

struct NodeIdentity {
  std::string name;
  WallTime started_at;  // of the agent
  lifecycle::MachineInfo machine;
};

// What counts against ephemeral-storage limits: writable layers, logs, emptyDirs that are not in
// memory. Pure.
linux::DiskUsage EphemeralStorage(const PodSample& pod);

// The Summary of /stats/summary. Pure. Source: k8s.io/kubelet/pkg/apis/stats/v1alpha1.
json::Value MakeSummary(const Sample& sample, const NodeIdentity& node);

// The text of /metrics/resource, which metrics-server reads. Pure.
// Source: pkg/kubelet/metrics/collectors/resource_metrics.go.
std::string ResourceMetrics(const Sample& sample);

}  // namespace wherry::nodeagent::stats
