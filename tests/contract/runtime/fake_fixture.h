#pragma once

#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "nodeagent/runtime/fake/fake_runtime.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wherry::nodeagent::runtime {

// What NodeFixture is for the native runtime, for the fake one.
class FakeFixture : public testing::Test {
 protected:
  FakeFixture() : scope_(world().loop), node_(world()) { RestartRuntime(); }

  template <typename T>
  T Await(Task<T> task) {
    std::optional<T> result;
    scope_.Spawn("test", Keep(std::move(task), &result));
    RunUntil([&] { return result.has_value(); });
    if (!result) ADD_FAILURE() << "the task did not end in time";
    return std::move(*result);
  }
  bool RunUntil(const std::function<bool()>& done) {
    return sim_.RunUntil(done, std::chrono::minutes(2));
  }
  void RestartRuntime() {
    runtime_.reset();
    events_.clear();
    runtime_ = std::make_unique<fake::FakeRuntime>(world(), node_);
    runtime_->SetListener([this](const ContainerEvent& event) { events_.push_back(event); });
  }
  SandboxConfig Sandbox(const std::string& uid) const {
    return {.uid = uid, .name = uid, .ns = "default", .hostname = uid, .qos_class = "Burstable"};
  }
  ContainerConfig Shell(const std::string& name, const std::string& script) const {
    return {.name = name, .image_id = "sha256:0", .command = {"/bin/sh", "-c", script}};
  }
  World& world() { return sim_.world(); }

  SimWorld sim_{1};
  TaskScope scope_;
  fake::FakeRuntime::Node node_;
  std::unique_ptr<fake::FakeRuntime> runtime_;
  std::vector<ContainerEvent> events_;

 private:
  template <typename T>
  static Task<void> Keep(Task<T> task, std::optional<T>* result) {
    auto value = co_await std::move(task);
    result->emplace(std::move(value));
  }
};

}  // namespace wherry::nodeagent::runtime
