#pragma once

#include "apiserver/storage/interface.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace wherry::sim {

// Reads the store's own history, write by write, and notes what must never have been true at any
// revision, whatever the network did.
class Checker {
 public:
  Checker(World& world, apiserver::storage::Store& store);

  // Tells every write that the checks look at.
  void Trace(std::function<void(const std::string&)> say) { say_ = std::move(say); }
  // From now on, so many pods must be ready at every moment; nullopt asks for none.
  void RequireReady(std::optional<int> pods) { min_ready_ = pods; }

  const std::vector<std::string>& violations() const { return violations_; }

  // What the store holds now, for the questions asked at the end.
  struct Pod {
    std::string name;
    std::string owner;  // uid of the controlling object
    std::string ip;
    bool active = false;  // neither terminating nor finished
    bool ready = false;
  };
  struct ReplicaSet {
    std::string name;
    std::string owner;
    std::string image;
    int replicas = 0;
    int replicas_max = 0;  // ever
  };
  const std::map<std::string, Pod>& pods() const { return pods_; }                         // by uid
  const std::map<std::string, ReplicaSet>& replica_sets() const { return replica_sets_; }  // by uid
  std::set<std::string> EndpointAddresses() const;
  bool HasNamespace(const std::string& name) const { return namespaces_.contains(name); }
  size_t object_count(const std::string& kind) const;

 private:
  Task<void> Read();
  void Apply(const apiserver::storage::Event& event);
  void ApplyPod(const std::string& uid, const nlohmann::json* object);
  void ApplyReplicaSet(const std::string& uid, const nlohmann::json* object);
  void ApplyDeployment(const std::string& uid, const nlohmann::json* object);
  void Violate(const std::string& what);
  int ActivePodsOf(const std::string& owner) const;

  std::unique_ptr<apiserver::storage::Watcher> watcher_;
  int64_t revision_ = 0;
  std::optional<int> min_ready_;
  std::function<void(const std::string&)> say_;
  std::map<std::string, Pod> pods_;
  std::map<std::string, ReplicaSet> replica_sets_;
  std::map<std::string, int> deployment_max_;            // by uid: the most its sets may sum up to
  std::map<std::string, std::set<std::string>> slices_;  // by uid: addresses
  std::set<std::string> namespaces_;
  std::map<std::string, std::set<std::string>> uids_;  // by kind
  std::vector<std::string> violations_;
  TaskScope scope_;
};

}  // namespace wherry::sim
