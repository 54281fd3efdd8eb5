#include "apiserver/registry/core/pod_printer.h"

#include "apiserver/registry/core/printing.h"
#include "proto/api/core/v1.pb.h"

#include <array>
#include <string>

namespace wherry::apiserver::registry {

using api::core::v1::ContainerStatus;
using api::core::v1::Pod;

namespace {

constexpr std::array<TableColumn, 9> kColumns = {
    kNameColumn,
    TableColumn{.name = "Ready", .description = "Containers that are ready, of all."},
    TableColumn{.name = "Status", .description = "What the pod's containers are doing."},
    TableColumn{.name = "Restarts",
                .description = "How often containers were restarted, and when the last time."},
    kAgeColumn,
    TableColumn{.name = "IP", .description = "The pod's primary address.", .priority = 1},
    TableColumn{.name = "Node", .description = "The node the pod is bound to.", .priority = 1},
    TableColumn{.name = "Nominated Node",
                .description = "The node where room is being made for the pod.",
                .priority = 1},
    TableColumn{.name = "Readiness Gates",
                .description = "Additional conditions that are true, of all.",
                .priority = 1}};

// What the STATUS, READY and RESTARTS cells say, gathered container by container.
struct Summary {
  std::string reason;
  int ready = 0;
  int total = 0;
  int64_t restarts = 0;
  int64_t last_restart_seconds = 0;
};

bool HasCondition(const Pod& pod, std::string_view type, std::string_view status) {
  for (const auto& condition : pod.status().conditions()) {
    if (condition.type() == type && condition.status() == status) return true;
  }
  return false;
}

bool IsSidecar(const Pod& pod, std::string_view name) {
  for (const auto& container : pod.spec().initcontainers()) {
    if (container.name() == name) return container.restartpolicy() == "Always";
  }
  return false;
}

void CountRestarts(const ContainerStatus& status, Summary& summary) {
  summary.restarts += status.restartcount();
  if (status.laststate().has_terminated()) {
    summary.last_restart_seconds = std::max(summary.last_restart_seconds,
                                            status.laststate().terminated().finishedat().seconds());
  }
}

std::string ExitReason(const api::core::v1::ContainerStateTerminated& terminated) {
  if (!terminated.reason().empty()) return terminated.reason();
  if (terminated.signal() != 0) return "Signal:" + std::to_string(terminated.signal());
  return "ExitCode:" + std::to_string(terminated.exitcode());
}

// Looks at init containers until one that is not done; whether there was one. Its reason goes into
// `summary`; `sidecars` receives the restarts of those that keep running.
bool SummarizeInitContainers(const Pod& pod, Summary& summary, Summary& sidecars) {
  int index = 0;
  for (const ContainerStatus& status : pod.status().initcontainerstatuses()) {
    CountRestarts(status, summary);
    bool sidecar = IsSidecar(pod, status.name());
    if (sidecar) CountRestarts(status, sidecars);
    const auto& state = status.state();
    ++index;
    if (state.has_terminated() && state.terminated().exitcode() == 0) continue;
    if (sidecar && status.started()) {
      if (status.ready()) ++summary.ready;
      continue;
    }
    if (state.has_terminated()) {
      summary.reason = "Init:" + ExitReason(state.terminated());
    } else if (!state.waiting().reason().empty() && state.waiting().reason() != "PodInitializing") {
      summary.reason = "Init:" + state.waiting().reason();
    } else {
      summary.reason = "Init:" + std::to_string(index - 1) + "/" +
                       std::to_string(pod.spec().initcontainers_size());
    }
    return true;
  }
  return false;
}

// The first container that has a reason to report gives the pod's.
void SummarizeContainers(const Pod& pod, Summary& summary) {
  bool has_running = false;
  const auto& statuses = pod.status().containerstatuses();
  for (int i = statuses.size() - 1; i >= 0; --i) {
    const ContainerStatus& status = statuses[i];
    CountRestarts(status, summary);
    const auto& state = status.state();
    if (!state.waiting().reason().empty()) {
      summary.reason = state.waiting().reason();
    } else if (state.has_terminated()) {
      summary.reason = ExitReason(state.terminated());
    } else if (status.ready() && state.has_running()) {
      has_running = true;
      ++summary.ready;
    }
  }
  if (summary.reason == "Completed" && has_running) {
    summary.reason = HasCondition(pod, "Ready", "True") ? "Running" : "NotReady";
  }
}

Summary Summarize(const Pod& pod) {
  Summary summary;
  summary.reason = pod.status().reason().empty() ? pod.status().phase() : pod.status().reason();
  for (const auto& condition : pod.status().conditions()) {
    if (condition.type() == "PodScheduled" && condition.reason() == "SchedulingGated") {
      summary.reason = "SchedulingGated";
    }
  }
  summary.total = pod.spec().containers_size();
  for (const auto& container : pod.spec().initcontainers()) {
    if (container.restartpolicy() == "Always") ++summary.total;
  }
  Summary sidecars;
  bool initializing = SummarizeInitContainers(pod, summary, sidecars);
  if (!initializing || HasCondition(pod, "Initialized", "True")) {
    summary.restarts = sidecars.restarts;
    summary.last_restart_seconds = sidecars.last_restart_seconds;
    SummarizeContainers(pod, summary);
  }
  if (pod.metadata().has_deletiontimestamp()) {
    summary.reason = pod.status().reason() == "NodeLost" ? "Unknown" : "Terminating";
  }
  return summary;
}

std::string RestartsCell(const Summary& summary, WallTime now) {
  std::string text = std::to_string(summary.restarts);
  if (summary.restarts != 0 && summary.last_restart_seconds > 0) {
    WallTime last{std::chrono::seconds(summary.last_restart_seconds)};
    text += " (" + Age(last, now) + " ago)";
  }
  return StringCell(text);
}

std::string ReadinessGatesCell(const Pod& pod) {
  const auto& gates = pod.spec().readinessgates();
  if (gates.empty()) return StringCell("<none>");
  int open = 0;
  for (const auto& gate : gates) {
    if (HasCondition(pod, gate.conditiontype(), "True")) ++open;
  }
  return StringCell(std::to_string(open) + "/" + std::to_string(gates.size()));
}

std::string_view PodIP(const Pod& pod) {
  if (pod.status().podips_size() > 0) return pod.status().podips(0).ip();
  return pod.status().podip();
}

TableRow PodRow(const Pod& pod, WallTime now) {
  Summary summary = Summarize(pod);
  TableRow row;
  row.cells = {NameCell(pod.metadata()),
               StringCell(std::to_string(summary.ready) + "/" + std::to_string(summary.total)),
               StringCell(summary.reason),
               RestartsCell(summary, now),
               AgeCell(pod.metadata(), now),
               CellOr(PodIP(pod), "<none>"),
               CellOr(pod.spec().nodename(), "<none>"),
               CellOr(pod.status().nominatednodename(), "<none>"),
               ReadinessGatesCell(pod)};
  if (pod.status().phase() == "Succeeded") {
    row.conditions.emplace_back(R"({"type":"Completed","status":"True","reason":"Succeeded",)"
                                R"("message":"The pod has completed successfully."})");
  } else if (pod.status().phase() == "Failed") {
    row.conditions.emplace_back(R"({"type":"Completed","status":"True","reason":"Failed",)"
                                R"("message":"The pod failed."})");
  }
  return row;
}

}  // namespace

const TablePrinter& PodPrinter() {
  static constexpr RowPrinter<Pod> kPrinter(kColumns, PodRow);
  return kPrinter;
}

}  // namespace wherry::apiserver::registry
