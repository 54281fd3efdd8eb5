#pragma once

// Nodes, pods on them, and one decision.

#include "proto/api/core/v1.pb.h"
#include "proto/api/meta/v1.pb.h"
#include "scheduler/cache/cache.h"
#include "scheduler/cycle/schedule.h"

#include <gtest/gtest.h>

namespace wherry::scheduler::cycle {

namespace core = api::core::v1;

class ScheduleTest : public testing::Test {
 protected:
  core::Node& AddNode(const std::string& name, const std::string& cpu = "2",
                      const std::string& memory = "4Gi") {
    auto node = std::make_shared<core::Node>();
    node->mutable_metadata()->set_name(name);
    (*node->mutable_metadata()->mutable_labels())["kubernetes.io/hostname"] = name;
    auto& allocatable = *node->mutable_status()->mutable_allocatable();
    allocatable["cpu"].set_string(cpu);
    allocatable["memory"].set_string(memory);
    allocatable["pods"].set_string("110");
    nodes_.push_back(node);
    return *node;
  }

  static core::Pod MakePod(const std::string& name, const std::string& cpu = "") {
    core::Pod pod;
    pod.mutable_metadata()->set_name(name);
    pod.mutable_metadata()->set_uid(name);
    auto* container = pod.mutable_spec()->add_containers();
    if (!cpu.empty()) (*container->mutable_resources()->mutable_requests())["cpu"].set_string(cpu);
    return pod;
  }

  void Place(core::Pod pod, const std::string& node) {
    placed_[node].push_back(std::make_shared<core::Pod>(pod));
  }

  Decision Run(const core::Pod& pod, uint64_t tie_breaker = 0) {
    cache::Cache cache;
    for (const auto& [name, labels] : namespaces_) cache.SetNamespace(name, &labels);
    for (const auto& node : nodes_) cache.SetNode(node);
    for (const auto& [node, pods] : placed_) {
      for (const auto& other : pods) {
        cache.Assume(std::make_shared<const framework::PodInfo>(other), node);
      }
    }
    const framework::Plugins plugins = DefaultPlugins(cache.indexes());
    const framework::PodInfo info(std::make_shared<core::Pod>(pod));
    size_t start = 0;
    return Schedule(plugins, info, cache.Nodes(), start, tie_breaker);
  }

  std::map<std::string, api::LabelMap> namespaces_;
  std::vector<std::shared_ptr<core::Node>> nodes_;
  std::map<std::string, std::vector<std::shared_ptr<const core::Pod>>> placed_;
};

}  // namespace wherry::scheduler::cycle
