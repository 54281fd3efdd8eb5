#include "nodeagent/lifecycle/extended_resources.h"

#include "lib/json/json.h"
#include "proto/api/core/v1.pb.h"

#include <nlohmann/json.hpp>

namespace wherry::nodeagent::lifecycle {

bool IsExtendedResource(const std::string& resource) {
  return resource.find('/') != std::string::npos &&
         resource.find("kubernetes.io/") == std::string::npos && !resource.starts_with("requests.");
}

std::optional<std::string> ExtendedResourcesPatch(const api::core::v1::NodeStatus& status) {
  json::Value allocatable = json::Value::object();
  for (const auto& [resource, amount] : status.capacity()) {
    if (!IsExtendedResource(resource)) continue;
    auto now = status.allocatable().find(resource);
    if (now != status.allocatable().end() && now->second.string() == amount.string()) continue;
    allocatable[resource] = amount.string();
  }
  for (const auto& [resource, amount] : status.allocatable()) {
    if (IsExtendedResource(resource) && !status.capacity().contains(resource)) {
      allocatable[resource] = nullptr;
    }
  }
  if (allocatable.empty()) return std::nullopt;
  return json::Dump({{"status", {{"allocatable", std::move(allocatable)}}}});
}

}  // namespace wherry::nodeagent::lifecycle
