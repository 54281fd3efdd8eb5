#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace wherry::api::core::v1 {
class Container;
class ContainerStatus;
class Pod;
class PodStatus;
}  // namespace wherry::api::core::v1
namespace wherry::api::meta::v1 {
class Quantity;
}

// What follows from a Pod object alone. Pure, any thread.
namespace wherry::nodeagent::lifecycle {

using api::core::v1::Container;
using api::core::v1::ContainerStatus;
using api::core::v1::Pod;
using api::core::v1::PodStatus;

// "name_namespace(uid)": how events and messages name a pod.
std::string FormatPod(const Pod& pod);
// "namespace/name".
std::string PodKey(const Pod& pod);
// "<namespace>_<name>_<uid>": the pod's folder of logs. Source: CRI log layout.
std::string LogDirectoryName(const Pod& pod);

bool IsTerminalPhase(std::string_view phase);
bool IsDeleted(const Pod& pod);
// Null when there is none of that name.
const Container* FindContainer(const Pod& pod, std::string_view name);
const Container* FindInitContainer(const Pod& pod, std::string_view name);
const ContainerStatus* FindStatus(const PodStatus& status, std::string_view container);
// "spec.containers{web}", "spec.initContainers{setup}".
std::string FieldPath(const Pod& pod, std::string_view container);

// How long its containers may take to end: deletionGracePeriodSeconds once deleted, else the
// spec's.
std::chrono::seconds GracePeriod(const Pod& pod);

// "Guaranteed", "Burstable" or "BestEffort". Source: pkg/apis/core/v1/helper/qos.
std::string QosClass(const Pod& pod);

using QuantityMap = std::map<std::string, int64_t>;  // cpu in thousandths, everything else in units
// What the scheduler and the node's admission count: the sum over containers, or the largest init
// container where that is more, plus overhead. Source: pkg/api/v1/resource PodRequests.
QuantityMap PodRequests(const Pod& pod);
// Sums of limits; `complete` says whether every container has one for the resource.
struct PodLimit {
  int64_t value = 0;
  bool complete = true;
};
PodLimit PodLimitOf(const Pod& pod, std::string_view resource);
// 0 when it has none.
int64_t ContainerLimit(const Container& container, std::string_view resource);

}  // namespace wherry::nodeagent::lifecycle
