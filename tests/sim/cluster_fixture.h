#pragma once

#include "lib/api/kind_registry.h"
#include "tests/sim/control_plane.h"
#include "tests/support/parse.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>

namespace wherry::api::apps::v1 {
class ReplicaSet;
}

namespace wherry::sim {

using namespace std::chrono_literals;
using testing::Parse;

// A cluster of two nodes in virtual time, on a network without faults: what users see when the
// controllers and the scheduler work against the real API server. Its kinds are written out in the
// tests' JSON; a type must be complete where its template is used.
class ClusterTest : public ::testing::Test {
 protected:
  // Ready when the nodes have registered and the namespace "default" has its ServiceAccount.
  explicit ClusterTest(controllers::App::Options options = {});

  // Lets time pass until the task has ended; at most a minute.
  template <typename T>
  T Await(Task<T> task) {
    std::optional<T> result;
    TaskScope scope(sim_.world().loop);
    scope.Spawn("await", Store(std::move(task), result));
    EXPECT_TRUE(sim_.RunUntil([&] { return result.has_value(); }, 1min));
    return std::move(*result);
  }
  // Asks every 100 ms of virtual time; asking takes some too.
  bool Eventually(const std::function<bool()>& condition, std::chrono::seconds limit = 60s);
  bool Never(const std::function<bool()>& condition, std::chrono::seconds during) {
    return !Eventually(condition, during);
  }

  // Null when there is none.
  template <typename T>
  std::shared_ptr<const T> Get(const std::string& ns, const std::string& name) {
    auto found = Await(user().Get(api::KindOf<T>(), ns, name));
    return found.ok() ? std::static_pointer_cast<const T>(*found) : nullptr;
  }
  template <typename T>
  bool Exists(const std::string& ns, const std::string& name) {
    return Get<T>(ns, name) != nullptr;
  }
  template <typename T>
  std::vector<std::shared_ptr<const T>> List(const std::string& ns,
                                             const std::string& labels = "") {
    client::ListOptions options;
    options.label_selector = labels;
    auto list = Await(user().List(api::KindOf<T>(), ns, options));
    EXPECT_TRUE(list.ok());
    std::vector<std::shared_ptr<const T>> typed;
    if (!list.ok()) return typed;
    for (const auto& item : list->items) typed.push_back(std::static_pointer_cast<const T>(item));
    return typed;
  }
  // Null, and the test fails, when it is refused.
  template <typename T>
  std::shared_ptr<const T> Create(const std::string& ns, const std::string& json) {
    return std::static_pointer_cast<const T>(Created(ns, Parse<T>(json)));
  }
  template <typename T>
  void Delete(const std::string& ns, const std::string& name, const std::string& policy = "") {
    DeleteObject(api::KindOf<T>(), ns, name, policy);
  }
  template <typename T>
  void Patch(const std::string& ns, const std::string& name, const std::string& patch,
             const std::string& subresource = "") {
    PatchObject(api::KindOf<T>(), ns, name, patch, subresource);
  }

  // The deployment "default/web" of pods labelled app=web; `more` is spliced into its spec.
  void Deploy(int replicas, const std::string& more = "");
  // What `kubectl rollout status` waits for.
  bool Complete(int replicas);
  void SetImage(const std::string& image);
  // Its ReplicaSets, by the image of their pods.
  std::map<std::string, std::shared_ptr<const api::apps::v1::ReplicaSet>> Sets();
  // An event about anything in "default" with that reason, and this in its message.
  bool HasEvent(const std::string& reason, const std::string& message);

  client::ApiClient& user() { return plane_->user(); }

  SimWorld sim_{42};
  std::unique_ptr<ControlPlane> plane_;

 private:
  template <typename T>
  static Task<void> Store(Task<T> task, std::optional<T>& result) {
    auto value = co_await std::move(task);
    result.emplace(std::move(value));
  }
  client::MessagePtr Created(const std::string& ns, client::MessagePtr object);
  void DeleteObject(const api::KindInfo& kind, const std::string& ns, const std::string& name,
                    const std::string& policy);
  void PatchObject(const api::KindInfo& kind, const std::string& ns, const std::string& name,
                   const std::string& patch, const std::string& subresource);
};

}  // namespace wherry::sim
