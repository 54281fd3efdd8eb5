#include "controllers/deployment/own_writes.h"

#include "proto/api/apps/v1.pb.h"

#include <algorithm>

namespace wherry::controllers::deployment {

void OwnWrites::Written(const std::string& deployment, const appsv1::ReplicaSet& stored,
                        MonotonicTime now) {
  deployments_[deployment].by_uid[stored.metadata().uid()] = {stored.metadata().generation(), now};
}

void OwnWrites::Unclear(const std::string& deployment, const std::string& set_name) {
  deployments_[deployment].unclear.insert(set_name);
}

void OwnWrites::Clear(const std::string& deployment, const std::string& set_name) {
  if (auto it = deployments_.find(deployment); it != deployments_.end())
    it->second.unclear.erase(set_name);
}

std::vector<std::string> OwnWrites::UnclearSets(const std::string& deployment) const {
  const auto it = deployments_.find(deployment);
  if (it == deployments_.end()) return {};
  return {it->second.unclear.begin(), it->second.unclear.end()};
}

bool OwnWrites::Seen(const std::string& deployment, const std::vector<ReplicaSetPtr>& sets,
                     MonotonicTime now) const {
  const auto it = deployments_.find(deployment);
  if (it == deployments_.end()) return true;
  return std::all_of(it->second.by_uid.begin(), it->second.by_uid.end(), [&](const auto& entry) {
    const auto& [uid, write] = entry;
    if (now - write.at >= kTimeout) return true;
    return std::any_of(sets.begin(), sets.end(), [&](const ReplicaSetPtr& set) {
      return set->metadata().uid() == uid && set->metadata().generation() >= write.generation;
    });
  });
}

void OwnWrites::ForgetSet(const std::string& deployment, const std::string& uid) {
  if (auto it = deployments_.find(deployment); it != deployments_.end())
    it->second.by_uid.erase(uid);
}

void OwnWrites::Forget(const std::string& deployment) { deployments_.erase(deployment); }

}  // namespace wherry::controllers::deployment
