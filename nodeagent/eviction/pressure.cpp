#include "nodeagent/eviction/pressure.h"

#include "lib/api/quantity.h"
#include "nodeagent/stats/summary.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <tuple>

namespace wherry::nodeagent::eviction {

namespace {

constexpr int32_t kCriticalPriority = 2'000'000'000;  // of system-cluster-critical
constexpr const char* kMemory = "memory";

int64_t Bytes(uint64_t bytes) { return static_cast<int64_t>(bytes); }

std::string Text(int64_t bytes) {
  return api::Quantity::FromValue(bytes, api::Quantity::Format::kBinarySI).String();
}

int64_t UsageOf(const stats::PodSample& pod, const std::string& resource) {
  return Bytes(resource == kMemory ? pod.usage.resources.memory_working_set_bytes
                                   : stats::EphemeralStorage(pod).bytes);
}

int64_t UsageOf(const stats::PodSample& pod, const runtime::ContainerUsage& container,
                const std::string& resource) {
  if (resource == kMemory) return Bytes(container.resources.memory_working_set_bytes);
  uint64_t bytes = container.writable_layer ? container.writable_layer->bytes : 0;
  if (!pod.disk) return Bytes(bytes);
  auto logs = pod.disk->logs.find(container.name);
  return Bytes(logs == pod.disk->logs.end() ? bytes : bytes + logs->second.bytes);
}

int64_t RequestOf(const stats::PodSample& pod, const std::string& resource) {
  const lifecycle::QuantityMap requests = lifecycle::PodRequests(*pod.pod);
  auto found = requests.find(resource);
  return found == requests.end() ? 0 : found->second;
}

int64_t RequestOf(const lifecycle::Container& container, const std::string& resource) {
  const auto& requests = container.resources().requests();
  auto found = requests.find(resource);
  return found == requests.end() ? 0 : api::Quantity::From(found->second).Value();
}

std::string Explain(const stats::PodSample& pod, const Shortage& shortage) {
  std::string message = "The node was low on resource: " + shortage.resource +
                        ". Threshold quantity: " + Text(shortage.threshold_bytes) +
                        ", available: " + Text(shortage.available_bytes) + ". ";
  for (const auto& usage : pod.usage.containers) {
    const lifecycle::Container* container = lifecycle::FindContainer(*pod.pod, usage.name);
    if (!container) continue;
    const int64_t used = UsageOf(pod, usage, shortage.resource);
    const int64_t request = RequestOf(*container, shortage.resource);
    if (used <= request) continue;
    message += "Container " + usage.name + " was using " + Text(used) + ", request is " +
               Text(request) + ", has larger consumption of " + shortage.resource + ". ";
  }
  return message;
}

}  // namespace

std::optional<Victim> ChooseVictim(const stats::Sample& sample, const Shortage& shortage) {
  const stats::PodSample* worst = nullptr;
  auto rank = [&shortage](const stats::PodSample& pod) {
    const int64_t above = UsageOf(pod, shortage.resource) - RequestOf(pod, shortage.resource);
    return std::tuple(above <= 0, pod.pod->spec().priority(), -above, pod.usage.uid);
  };
  for (const auto& pod : sample.pods) {
    if (pod.pod->spec().priority() >= kCriticalPriority ||
        lifecycle::IsTerminalPhase(pod.pod->status().phase()) || lifecycle::IsDeleted(*pod.pod))
      continue;
    if (!worst || rank(pod) < rank(*worst)) worst = &pod;
  }
  if (!worst) return std::nullopt;
  return Victim{.pod = worst->pod, .message = Explain(*worst, shortage)};
}

}  // namespace wherry::nodeagent::eviction
