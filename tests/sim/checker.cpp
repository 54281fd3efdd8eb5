#include "tests/sim/checker.h"

#include "lib/json/json.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace wherry::sim {
namespace {

using json::Value;

std::string Text(const Value& object, const char* pointer) {
  const auto at = Value::json_pointer(pointer);
  if (!object.contains(at) || !object.at(at).is_string()) return "";
  return object.at(at).get<std::string>();
}

int Number(const Value& object, const char* pointer, int otherwise) {
  const auto at = Value::json_pointer(pointer);
  if (!object.contains(at) || !object.at(at).is_number_integer()) return otherwise;
  return object.at(at).get<int>();
}

std::string ControllerUid(const Value& object) {
  const auto at = Value::json_pointer("/metadata/ownerReferences");
  if (!object.contains(at)) return "";
  for (const auto& owner : object.at(at)) {
    if (owner.value("controller", false)) return owner.value("uid", "");
  }
  return "";
}

bool IsReady(const Value& pod) {
  const auto at = Value::json_pointer("/status/conditions");
  if (!pod.contains(at)) return false;
  return std::any_of(pod.at(at).begin(), pod.at(at).end(), [](const Value& condition) {
    return condition.value("type", "") == "Ready" && condition.value("status", "") == "True";
  });
}

}  // namespace

Checker::Checker(World& world, apiserver::storage::Store& store) : scope_(world.loop) {
  auto watching = store.Watch("/registry/", store.CurrentRevision());
  CHECK_OK(watching);
  watcher_ = std::move(watching).value();
  scope_.Spawn("checker", Read());
}

Task<void> Checker::Read() {
  while (true) {
    auto next = watcher_->Next();
    const auto events = co_await std::move(next);
    if (!events.ok()) {
      Violate("the checker's watch ended: " + events.error().message);
      co_return;
    }
    for (const auto& event : *events) Apply(*event);
  }
}

void Checker::Violate(const std::string& what) {
  violations_.push_back("revision " + std::to_string(revision_) + ": " + what);
}

void Checker::Apply(const apiserver::storage::Event& event) {
  if (event.revision <= revision_) Violate("revisions do not grow");
  revision_ = event.revision;
  const auto parsed = json::Parse(*event.kv.value);
  if (!parsed.ok()) return Violate("stored value is no JSON: " + event.kv.key);
  const bool gone = event.type == apiserver::storage::Event::Type::kDelete;
  const Value* object = gone ? nullptr : &*parsed;
  const std::string kind = Text(*parsed, "/kind");
  const std::string uid = Text(*parsed, "/metadata/uid");
  if (gone) {
    uids_[kind].erase(uid);
  } else {
    uids_[kind].insert(uid);
  }
  if (kind == "Pod") ApplyPod(uid, object);
  if (kind == "ReplicaSet") ApplyReplicaSet(uid, object);
  if (kind == "Deployment") ApplyDeployment(uid, object);
  if (kind == "Namespace" && gone) namespaces_.erase(Text(*parsed, "/metadata/name"));
  if (kind == "Namespace" && !gone) namespaces_.insert(Text(*parsed, "/metadata/name"));
  if (kind == "EndpointSlice") {
    slices_.erase(uid);
    if (object != nullptr && ControllerUid(*object) != "") {
      auto& addresses = slices_[uid];
      for (const auto& endpoint : object->value("endpoints", Value::array())) {
        for (const auto& address : endpoint.value("addresses", Value::array()))
          addresses.insert(address.get<std::string>());
      }
    }
  }
}

int Checker::ActivePodsOf(const std::string& owner) const {
  return static_cast<int>(std::count_if(pods_.begin(), pods_.end(), [&](const auto& entry) {
    return entry.second.active && entry.second.owner == owner;
  }));
}

void Checker::ApplyPod(const std::string& uid, const Value* object) {
  const bool created = object != nullptr && !pods_.contains(uid);
  if (object == nullptr) {
    pods_.erase(uid);
  } else {
    const std::string phase = Text(*object, "/status/phase");
    const bool over = phase == "Succeeded" || phase == "Failed";
    pods_[uid] = {.name = Text(*object, "/metadata/name"),
                  .owner = ControllerUid(*object),
                  .ip = Text(*object, "/status/podIP"),
                  .active = !over && Text(*object, "/metadata/deletionTimestamp").empty(),
                  .ready = IsReady(*object)};
  }
  if (say_) {
    const auto it = pods_.find(uid);
    say_("revision " + std::to_string(revision_) + ": pod " +
         (it == pods_.end() ? uid + " gone"
                            : it->second.name + (it->second.active ? " active" : " ending") +
                                  (it->second.ready ? " ready" : "")));
  }
  if (created) {
    // A replica set never has more pods than it was ever asked for.
    const auto set = replica_sets_.find(pods_[uid].owner);
    if (set != replica_sets_.end()) {
      const int active = ActivePodsOf(set->first);
      if (active > set->second.replicas_max)
        Violate("replica set " + set->second.name + " has " + std::to_string(active) +
                " active pods, and was asked for at most " +
                std::to_string(set->second.replicas_max));
    }
  }
  if (min_ready_) {
    const auto ready = std::count_if(pods_.begin(), pods_.end(), [](const auto& entry) {
      return entry.second.active && entry.second.ready;
    });
    if (ready < *min_ready_)
      Violate("only " + std::to_string(ready) + " pods are ready, fewer than " +
              std::to_string(*min_ready_));
  }
}

void Checker::ApplyReplicaSet(const std::string& uid, const Value* object) {
  if (object == nullptr) {
    replica_sets_.erase(uid);
    return;
  }
  auto& set = replica_sets_[uid];
  set.name = Text(*object, "/metadata/name");
  set.owner = ControllerUid(*object);
  set.image = Text(*object, "/spec/template/spec/containers/0/image");
  set.replicas = Number(*object, "/spec/replicas", 1);
  set.replicas_max = std::max(set.replicas_max, set.replicas);
  if (say_)
    say_("revision " + std::to_string(revision_) + ": replica set " + set.name + " wants " +
         std::to_string(set.replicas) + ", has " +
         std::to_string(Number(*object, "/status/replicas", 0)) + ", available " +
         std::to_string(Number(*object, "/status/availableReplicas", 0)));
  // The sets of a deployment never ask for more than replicas and surge allowed at some time.
  const auto bound = deployment_max_.find(set.owner);
  if (bound == deployment_max_.end()) return;
  int total = 0;
  for (const auto& [other_uid, other] : replica_sets_) {
    if (other.owner == set.owner) total += other.replicas;
  }
  if (total > bound->second)
    Violate("replica sets ask for " + std::to_string(total) + " pods, more than " +
            std::to_string(bound->second));
}

void Checker::ApplyDeployment(const std::string& uid, const Value* object) {
  if (object == nullptr) return;
  // The simulation sets surge as a number.
  const int most = Number(*object, "/spec/replicas", 1) +
                   Number(*object, "/spec/strategy/rollingUpdate/maxSurge", 0);
  auto& max = deployment_max_[uid];
  max = std::max(max, most);
}

std::set<std::string> Checker::EndpointAddresses() const {
  std::set<std::string> all;
  for (const auto& [uid, addresses] : slices_) all.insert(addresses.begin(), addresses.end());
  return all;
}

size_t Checker::object_count(const std::string& kind) const {
  const auto it = uids_.find(kind);
  return it == uids_.end() ? 0 : it->second.size();
}

}  // namespace wherry::sim
