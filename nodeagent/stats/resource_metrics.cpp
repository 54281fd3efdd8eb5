#include "nodeagent/stats/summary.h"
#include "proto/api/core/v1.pb.h"

#include <array>
#include <charconv>
#include <chrono>
#include <functional>

namespace wherry::nodeagent::stats {

namespace {

double Seconds(WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

std::string Number(double value) {
  std::array<char, 64> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), error == std::errc() ? end : text.data()};
}

double CpuSeconds(const runtime::ResourceUsage& usage) {
  return static_cast<double>(usage.cpu_ns) / 1e9;
}
double WorkingSet(const runtime::ResourceUsage& usage) {
  return static_cast<double>(usage.memory_working_set_bytes);
}

// Prometheus' text format, with the time of measuring behind each value.
class Exposition {
 public:
  void Family(const char* name, const char* type, const char* help) {
    name_ = name;
    text_ +=
        std::string("# HELP ") + name + " [ALPHA] " + help + "\n# TYPE " + name + " " + type + "\n";
  }
  void Value(const std::string& labels, double value, WallTime time) {
    const auto millis =
        std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
    text_ += name_ + labels + " " + Number(value) + " " + std::to_string(millis) + "\n";
  }
  std::string text_;

 private:
  std::string name_;
};

// Names of the API need no quoting.
std::string Labels(const PodSample& pod, const std::string& container) {
  const auto& meta = pod.pod->metadata();
  const std::string first = container.empty() ? "" : "container=\"" + container + "\",";
  return "{" + first + "namespace=\"" + meta.namespace_() + "\",pod=\"" + meta.name() + "\"}";
}

}  // namespace

std::string ResourceMetrics(const Sample& sample) {
  Exposition out;
  using OfContainer = std::function<void(const std::string&, const runtime::ContainerUsage&)>;
  auto containers = [&](const OfContainer& value) {
    for (const auto& pod : sample.pods)
      for (const auto& container : pod.usage.containers)
        value(Labels(pod, container.name), container);
  };
  out.Family("container_cpu_usage_seconds_total", "counter",
             "Cumulative cpu time consumed by the container in core-seconds");
  containers([&](const std::string& labels, const runtime::ContainerUsage& container) {
    out.Value(labels, CpuSeconds(container.resources), sample.time);
  });
  out.Family("container_memory_working_set_bytes", "gauge",
             "Current working set of the container in bytes");
  containers([&](const std::string& labels, const runtime::ContainerUsage& container) {
    out.Value(labels, WorkingSet(container.resources), sample.time);
  });
  out.Family("container_start_time_seconds", "gauge",
             "Start time of the container since unix epoch in seconds");
  containers([&](const std::string& labels, const runtime::ContainerUsage& container) {
    out.Value(labels, Seconds(container.started_at), container.started_at);
  });
  out.Family("node_cpu_usage_seconds_total", "counter",
             "Cumulative cpu time consumed by the node in core-seconds");
  out.Value("", CpuSeconds(sample.machine.resources), sample.time);
  out.Family("node_memory_working_set_bytes", "gauge", "Current working set of the node in bytes");
  out.Value("", WorkingSet(sample.machine.resources), sample.time);
  out.Family("pod_cpu_usage_seconds_total", "counter",
             "Cumulative cpu time consumed by the pod in core-seconds");
  for (const auto& pod : sample.pods)
    out.Value(Labels(pod, ""), CpuSeconds(pod.usage.resources), sample.time);
  out.Family("pod_memory_working_set_bytes", "gauge", "Current working set of the pod in bytes");
  for (const auto& pod : sample.pods)
    out.Value(Labels(pod, ""), WorkingSet(pod.usage.resources), sample.time);
  out.Family("scrape_error", "gauge",
             "1 if there was an error while getting container metrics, 0 otherwise");
  out.text_ += "scrape_error 0\n";
  return std::move(out.text_);
}

}  // namespace wherry::nodeagent::stats
