#include "nodeagent/lifecycle/pod_facts.h"

#include "lib/api/quantity.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::nodeagent::lifecycle {

namespace {

int64_t Amount(const std::string& resource, const api::meta::v1::Quantity& quantity) {
  const api::Quantity parsed = api::Quantity::From(quantity);
  return resource == "cpu" ? parsed.MilliValue() : parsed.Value();
}

template <typename Map>
const api::meta::v1::Quantity* Lookup(const Map& map, std::string_view resource) {
  auto found = map.find(std::string(resource));
  return found == map.end() ? nullptr : &found->second;
}

}  // namespace

std::string FormatPod(const Pod& pod) {
  const auto& meta = pod.metadata();
  return meta.name() + "_" + meta.namespace_() + "(" + meta.uid() + ")";
}

std::string PodKey(const Pod& pod) {
  return pod.metadata().namespace_() + "/" + pod.metadata().name();
}

std::string LogDirectoryName(const Pod& pod) {
  const auto& meta = pod.metadata();
  return meta.namespace_() + "_" + meta.name() + "_" + meta.uid();
}

bool IsTerminalPhase(std::string_view phase) { return phase == "Succeeded" || phase == "Failed"; }

bool IsDeleted(const Pod& pod) { return pod.metadata().has_deletiontimestamp(); }

const Container* FindContainer(const Pod& pod, std::string_view name) {
  for (const auto& container : pod.spec().containers())
    if (container.name() == name) return &container;
  return nullptr;
}

const Container* FindInitContainer(const Pod& pod, std::string_view name) {
  for (const auto& container : pod.spec().initcontainers())
    if (container.name() == name) return &container;
  return nullptr;
}

const ContainerStatus* FindStatus(const PodStatus& status, std::string_view container) {
  for (const auto& entry : status.containerstatuses())
    if (entry.name() == container) return &entry;
  for (const auto& entry : status.initcontainerstatuses())
    if (entry.name() == container) return &entry;
  return nullptr;
}

std::string FieldPath(const Pod& pod, std::string_view container) {
  const char* list =
      FindInitContainer(pod, container) ? "spec.initContainers{" : "spec.containers{";
  return list + std::string(container) + "}";
}

std::chrono::seconds GracePeriod(const Pod& pod) {
  if (IsDeleted(pod) && pod.metadata().has_deletiongraceperiodseconds())
    return std::chrono::seconds(pod.metadata().deletiongraceperiodseconds());
  if (pod.spec().has_terminationgraceperiodseconds())
    return std::chrono::seconds(std::max<int64_t>(0, pod.spec().terminationgraceperiodseconds()));
  return std::chrono::seconds(30);
}

std::string QosClass(const Pod& pod) {
  bool any = false;
  bool guaranteed = true;
  auto look_at = [&](const Container& container) {
    for (const char* resource : {"cpu", "memory"}) {
      const auto* request = Lookup(container.resources().requests(), resource);
      const auto* limit = Lookup(container.resources().limits(), resource);
      const bool has_request = request && !api::Quantity::From(*request).IsZero();
      const bool has_limit = limit && !api::Quantity::From(*limit).IsZero();
      any = any || has_request || has_limit;
      if (!has_limit) guaranteed = false;
      if (has_request && has_limit && api::Quantity::From(*request) != api::Quantity::From(*limit))
        guaranteed = false;
      if (request && !has_request && has_limit) guaranteed = false;
    }
  };
  for (const auto& container : pod.spec().initcontainers()) look_at(container);
  for (const auto& container : pod.spec().containers()) look_at(container);
  if (!any) return "BestEffort";
  return guaranteed ? "Guaranteed" : "Burstable";
}

QuantityMap PodRequests(const Pod& pod) {
  QuantityMap total;
  for (const auto& container : pod.spec().containers())
    for (const auto& [resource, quantity] : container.resources().requests())
      total[resource] += Amount(resource, quantity);
  for (const auto& container : pod.spec().initcontainers())
    for (const auto& [resource, quantity] : container.resources().requests())
      total[resource] = std::max(total[resource], Amount(resource, quantity));
  for (const auto& [resource, quantity] : pod.spec().overhead())
    total[resource] += Amount(resource, quantity);
  return total;
}

PodLimit PodLimitOf(const Pod& pod, std::string_view resource) {
  PodLimit limit;
  for (const auto& container : pod.spec().containers()) {
    const auto* quantity = Lookup(container.resources().limits(), resource);
    if (!quantity) {
      limit.complete = false;
      continue;
    }
    limit.value += Amount(std::string(resource), *quantity);
  }
  for (const auto& container : pod.spec().initcontainers()) {
    const auto* quantity = Lookup(container.resources().limits(), resource);
    if (!quantity) {
      limit.complete = false;
      continue;
    }
    limit.value = std::max(limit.value, Amount(std::string(resource), *quantity));
  }
  return limit;
}

int64_t ContainerLimit(const Container& container, std::string_view resource) {
  const auto* quantity = Lookup(container.resources().limits(), resource);
  return quantity ? Amount(std::string(resource), *quantity) : 0;
}

}  // namespace wherry::nodeagent::lifecycle
