#include "nodeagent/lifecycle/node_status.h"

#include "lib/api/codec.h"
#include "lib/api/quantity.h"
#include "lib/api/time.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::nodeagent::lifecycle {

namespace {

using api::core::v1::NodeCondition;
using api::core::v1::NodeStatus;

constexpr int64_t kPodsMax = 110;
constexpr size_t kImagesMax = 50;

void SetQuantities(const std::map<std::string, int64_t>& amounts,
                   google::protobuf::Map<std::string, api::meta::v1::Quantity>* target) {
  for (const auto& [resource, amount] : amounts) {
    api::Quantity quantity;
    if (resource == "cpu")
      quantity = api::Quantity::FromMilli(amount);
    else if (resource == "pods")
      quantity = api::Quantity::FromValue(amount);
    else
      quantity = api::Quantity::FromValue(amount, api::Quantity::Format::kBinarySI);
    quantity.To(&(*target)[resource]);
  }
}

void AddCondition(const NodeStatusInput& input, const NodeStatus& previous, const char* type,
                  bool holds, const char* reason, const std::string& message, NodeStatus* status) {
  NodeCondition* condition = status->add_conditions();
  condition->set_type(type);
  condition->set_status(holds ? "True" : "False");
  condition->set_reason(reason);
  condition->set_message(message);
  api::SetTime(condition->mutable_lastheartbeattime(), input.now);
  api::SetTime(condition->mutable_lasttransitiontime(), input.now);
  for (const auto& before : previous.conditions())
    if (before.type() == type && before.status() == condition->status())
      *condition->mutable_lasttransitiontime() = before.lasttransitiontime();
}

void AddAddress(const char* type, const std::string& address, NodeStatus* status) {
  if (address.empty()) return;
  auto* entry = status->add_addresses();
  entry->set_type(type);
  entry->set_address(address);
}

void AddImages(std::vector<images::Image> images, NodeStatus* status) {
  std::sort(images.begin(), images.end(), [](const auto& a, const auto& b) {
    return a.size_bytes != b.size_bytes ? a.size_bytes > b.size_bytes : a.id < b.id;
  });
  if (images.size() > kImagesMax) images.resize(kImagesMax);
  for (const auto& image : images) {
    auto* entry = status->add_images();
    for (const auto& name : image.repo_digests) entry->add_names(name);
    for (const auto& name : image.repo_tags) entry->add_names(name);
    entry->set_sizebytes(image.size_bytes);
  }
}

}  // namespace

Pressure ComputePressure(const MachineInfo& machine, const MachineUsage& usage) {
  Pressure pressure;
  pressure.memory = usage.memory_available_bytes < kMemoryKeptBytes;
  // nodefs.available < 10 %, nodefs.inodesFree < 5 %; file systems without inode counts say 0.
  pressure.disk =
      usage.storage_available_bytes < machine.storage_bytes / 10 ||
      (machine.storage_inodes > 0 && usage.storage_inodes_free < machine.storage_inodes / 20);
  pressure.pid =
      usage.processes_max > 0 && usage.processes > usage.processes_max - usage.processes_max / 20;
  return pressure;
}

std::map<std::string, int64_t> Capacity(const NodeStatusInput& input) {
  std::map<std::string, int64_t> capacity{{"cpu", input.machine.cpu_milli},
                                          {"memory", input.machine.memory_bytes},
                                          {"ephemeral-storage", input.machine.storage_bytes},
                                          {"pods", kPodsMax}};
  for (const auto& [resource, text] : input.capacity) {
    auto quantity = api::Quantity::Parse(text);
    if (!quantity.ok()) continue;
    capacity[resource] = resource == "cpu" ? quantity->MilliValue() : quantity->Value();
  }
  return capacity;
}

std::map<std::string, int64_t> Allocatable(const NodeStatusInput& input) {
  std::map<std::string, int64_t> allocatable = Capacity(input);
  int64_t& memory = allocatable["memory"];
  if (!input.capacity.contains("memory")) memory = std::max<int64_t>(0, memory - kMemoryKeptBytes);
  int64_t& storage = allocatable["ephemeral-storage"];
  if (!input.capacity.contains("ephemeral-storage")) storage -= storage / 10;
  return allocatable;
}

NodeStatus MakeNodeStatus(const NodeStatusInput& input, const NodeStatus& previous) {
  NodeStatus status;
  SetQuantities(Capacity(input), status.mutable_capacity());
  SetQuantities(Allocatable(input), status.mutable_allocatable());
  AddCondition(
      input, previous, "MemoryPressure", input.pressure.memory,
      input.pressure.memory ? "KubeletHasInsufficientMemory" : "KubeletHasSufficientMemory",
      input.pressure.memory ? "kubelet has insufficient memory available"
                            : "kubelet has sufficient memory available",
      &status);
  AddCondition(input, previous, "DiskPressure", input.pressure.disk,
               input.pressure.disk ? "KubeletHasDiskPressure" : "KubeletHasNoDiskPressure",
               input.pressure.disk ? "kubelet has disk pressure" : "kubelet has no disk pressure",
               &status);
  AddCondition(input, previous, "PIDPressure", input.pressure.pid,
               input.pressure.pid ? "KubeletHasInsufficientPID" : "KubeletHasSufficientPID",
               input.pressure.pid ? "kubelet has insufficient PID available"
                                  : "kubelet has sufficient PID available",
               &status);
  const bool ready = input.not_ready.empty();
  AddCondition(input, previous, "Ready", ready, ready ? "KubeletReady" : "KubeletNotReady",
               ready ? "kubelet is posting ready status" : input.not_ready, &status);
  AddAddress("InternalIP", input.node_ip, &status);
  AddAddress("Hostname", input.node_name, &status);
  status.mutable_daemonendpoints()->mutable_kubeletendpoint()->set_port(input.kubelet_port);
  auto* info = status.mutable_nodeinfo();
  info->set_machineid(input.machine.machine_id);
  info->set_systemuuid(input.machine.system_uuid);
  info->set_bootid(input.machine.boot_id);
  info->set_kernelversion(input.machine.kernel_version);
  info->set_osimage(input.machine.os_image);
  info->set_containerruntimeversion(input.runtime_version);
  info->set_kubeletversion(input.version);
  info->set_kubeproxyversion(input.version);
  info->set_operatingsystem("linux");
  info->set_architecture(input.machine.architecture);
  AddImages(input.images, &status);
  return status;
}

bool WorthTelling(const NodeStatus& left, const NodeStatus& right) {
  auto essence = [](NodeStatus status) {
    for (auto& condition : *status.mutable_conditions()) {
      condition.clear_lastheartbeattime();
      condition.clear_lasttransitiontime();
    }
    return api::ToJson(status);
  };
  return essence(left) != essence(right);
}

std::map<std::string, std::string> NodeLabels(const NodeStatusInput& input,
                                              const std::map<std::string, std::string>& extra) {
  std::map<std::string, std::string> labels{
      {"kubernetes.io/hostname", input.node_name},
      {"kubernetes.io/os", "linux"},
      {"kubernetes.io/arch", input.machine.architecture},
      {"beta.kubernetes.io/os", "linux"},
      {"beta.kubernetes.io/arch", input.machine.architecture}};
  for (const auto& [key, value] : extra) labels[key] = value;
  return labels;
}

}  // namespace wherry::nodeagent::lifecycle
