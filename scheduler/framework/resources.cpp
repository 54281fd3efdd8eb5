#include "scheduler/framework/resources.h"

#include "lib/api/quantity.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::scheduler::framework {
namespace {

namespace core = api::core::v1;
using QuantityMap = google::protobuf::Map<std::string, api::meta::v1::Quantity>;

constexpr int64_t kDefaultCpuMilli = 100;
constexpr int64_t kDefaultMemoryBytes = 200 * 1024 * 1024;

Resources FromMap(const QuantityMap& quantities) {
  Resources resources;
  for (const auto& [name, text] : quantities) {
    const api::Quantity quantity = api::Quantity::From(text);
    if (name == "cpu") {
      resources.cpu_milli = quantity.MilliValue();
    } else if (name == "memory") {
      resources.memory_bytes = quantity.Value();
    } else if (name == "ephemeral-storage") {
      resources.ephemeral_storage_bytes = quantity.Value();
    } else if (name != "pods") {
      resources.extended[name] = quantity.Value();
    }
  }
  return resources;
}

using ContainerRequest = Resources (*)(const core::Container&);

Resources AsAsked(const core::Container& container) {
  return FromMap(container.resources().requests());
}

Resources AtLeastDefault(const core::Container& container) {
  Resources request = AsAsked(container);
  const QuantityMap& asked = container.resources().requests();
  if (!asked.contains("cpu")) request.cpu_milli = kDefaultCpuMilli;
  if (!asked.contains("memory")) request.memory_bytes = kDefaultMemoryBytes;
  return request;
}

Resources Sum(const core::Pod& pod, ContainerRequest request_of) {
  Resources total;
  for (const core::Container& container : pod.spec().containers()) total += request_of(container);
  Resources restartable;
  Resources init_peak;
  for (const core::Container& container : pod.spec().initcontainers()) {
    Resources request = request_of(container);
    if (container.restartpolicy() == "Always") {
      restartable += request;
      total += request;
      init_peak.RaiseTo(restartable);
    } else {
      request += restartable;
      init_peak.RaiseTo(request);
    }
  }
  total.RaiseTo(init_peak);
  total += FromMap(pod.spec().overhead());
  return total;
}

}  // namespace

Resources& Resources::operator+=(const Resources& other) {
  cpu_milli += other.cpu_milli;
  memory_bytes += other.memory_bytes;
  ephemeral_storage_bytes += other.ephemeral_storage_bytes;
  for (const auto& [name, amount] : other.extended) extended[name] += amount;
  return *this;
}

Resources& Resources::operator-=(const Resources& other) {
  cpu_milli -= other.cpu_milli;
  memory_bytes -= other.memory_bytes;
  ephemeral_storage_bytes -= other.ephemeral_storage_bytes;
  for (const auto& [name, amount] : other.extended) extended[name] -= amount;
  return *this;
}

void Resources::RaiseTo(const Resources& other) {
  cpu_milli = std::max(cpu_milli, other.cpu_milli);
  memory_bytes = std::max(memory_bytes, other.memory_bytes);
  ephemeral_storage_bytes = std::max(ephemeral_storage_bytes, other.ephemeral_storage_bytes);
  for (const auto& [name, amount] : other.extended) {
    int64_t& mine = extended[name];
    mine = std::max(mine, amount);
  }
}

Resources PodRequest(const core::Pod& pod) { return Sum(pod, AsAsked); }

Resources PodRequestForScoring(const core::Pod& pod) { return Sum(pod, AtLeastDefault); }

NodeAllocatable AllocatableOf(const core::Node& node) {
  const QuantityMap& allocatable = node.status().allocatable();
  NodeAllocatable result{.resources = FromMap(allocatable)};
  auto pods = allocatable.find("pods");
  if (pods != allocatable.end()) result.pods = api::Quantity::From(pods->second).Value();
  return result;
}

}  // namespace wherry::scheduler::framework
