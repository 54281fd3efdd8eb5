#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace wherry::api::core::v1 {
class PersistentVolume;
class Pod;
}  // namespace wherry::api::core::v1

namespace wherry::apiserver::authz {

// Which objects the pods of each node refer to: what a node may read. Told of every pod and
// PersistentVolume as they come, change and go; a question costs a few look-ups, whatever the size
// of the cluster. Mirror pods, which nodes make themselves, refer to nothing. Loop thread.
// Source: upstream plugin/pkg/auth/authorizer/node/graph.go.
class NodeReferences {
 public:
  // A new pod, or a new state of one; of no effect until it is bound to a node.
  void SetPod(const api::core::v1::Pod& pod);
  void RemovePod(const std::string& ns, const std::string& name);
  void SetVolume(const api::core::v1::PersistentVolume& volume);
  void RemoveVolume(const std::string& name);
  // All pods, or volumes, of `other` and no others.
  void TakePods(NodeReferences&& other);
  void TakeVolumes(NodeReferences&& other);

  // Whether a pod of `node` refers to this object of the core group: `resource` is one of
  // "secrets", "configmaps", "serviceaccounts", "persistentvolumeclaims" and "persistentvolumes"
  // (whose claim a pod uses; their Secrets, too). `ns` is "" for persistentvolumes.
  bool Refers(const std::string& node, std::string_view resource, const std::string& ns,
              const std::string& name) const;

 private:
  using ObjectKey = std::tuple<std::string, std::string, std::string>;  // resource, ns, name
  using PodKey = std::pair<std::string, std::string>;                   // ns, name
  struct PodEntry {
    std::string uid;
    std::string node;
    std::vector<ObjectKey> objects;
  };
  struct VolumeEntry {
    ObjectKey claim;
    std::vector<ObjectKey> secrets;
  };

  bool PodsRefer(const std::string& node, const ObjectKey& object) const;

  std::map<PodKey, PodEntry> pods_;
  std::map<ObjectKey, std::unordered_map<std::string, int>> nodes_;  // how many pods of each node
  std::map<std::string, VolumeEntry> volumes_;
  std::map<ObjectKey, std::set<std::string>> volumes_of_secret_;
};

}  // namespace wherry::apiserver::authz
