#pragma once

#include "lib/linux/temp_dir.h"
#include "lib/loop/task.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "nodeagent/images/image_store.h"
#include "nodeagent/network/pod_network.h"
#include "nodeagent/runtime/native/native_runtime.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wherry::nodeagent::runtime {

// A node for tests: a network and mount namespace of its own, an image store with a busybox image,
// a native runtime, and what a pod needs. Needs root; tests skip themselves without.
//
// The namespaces belong to the whole test program (EnterNamespaces at its start). TearDown fails
// the test when a process, cgroup or interface is left.
class NodeFixture : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Runs `task` on the loop until it ends.
  template <typename T>
  T Await(Task<T> task) {
    std::optional<T> result;
    scope_->Spawn("test", Keep(std::move(task), &result));
    RunUntil([&] { return result.has_value(); });
    if (!result) ADD_FAILURE() << "the task did not end in time";
    return std::move(*result);
  }
  // Runs the loop until `done`, at most ten seconds.
  bool RunUntil(const std::function<bool()>& done);

  // Starts the agent's runtime again, as after kill -9: nothing of the old one is shut down, and
  // what tasks of StartInBackground were about is given up.
  void RestartRuntime();
  // Runs `task` beside what comes next.
  template <typename T>
  void StartInBackground(Task<T> task) {
    scope_->Spawn("background", Drop(std::move(task)));
  }
  // The supervisor of the pod that the process belongs to.
  static int SupervisorOf(int pid);

  SandboxConfig Sandbox(const std::string& uid) const;
  ContainerConfig Shell(const std::string& name, const std::string& script) const;
  // Runs one container in a pod of its own to its end.
  ContainerStatus RunToExit(const ContainerConfig& config);
  ContainerStatus WaitForExit(const std::string& uid, const std::string& name);
  // Its log, without time stamps: "stdout F text\n".
  std::string Log(const ContainerConfig& config) const;
  // What it wrote to stdout.
  std::string Output(const ContainerConfig& config) const;

  World& world() { return world_->world(); }
  std::string Path(const std::string& name) const { return directory_->path() + "/" + name; }

  std::unique_ptr<RealWorld> world_;
  std::unique_ptr<TaskScope> scope_;
  std::optional<linux::TempDir> directory_;
  std::optional<images::ImageStore> store_;
  std::unique_ptr<network::PodNetwork> network_;
  std::unique_ptr<native::NativeRuntime> runtime_;
  std::vector<ContainerEvent> events_;
  std::string image_id_;
  std::string cgroup_parent_;
  native::NativeRuntime::Options options_;

 private:
  template <typename T>
  static Task<void> Keep(Task<T> task, std::optional<T>* result) {
    auto value = co_await std::move(task);
    result->emplace(std::move(value));
  }
  template <typename T>
  static Task<void> Drop(Task<T> task) {
    auto dropped = co_await std::move(task);
    static_cast<void>(dropped);
  }
  void OpenRuntime();
};

// Moves this process into new mount and network namespaces. False when not permitted.
bool EnterNamespaces();

}  // namespace wherry::nodeagent::runtime
