#pragma once

#include "lib/client/api_client.h"
#include "lib/loop/task.h"
#include "lib/loop/world.h"
#include "nodeagent/volumes/object_source.h"
#include "nodeagent/volumes/token_manager.h"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

namespace wherry::client {
class Informer;
}

namespace wherry::nodeagent::volumes {

// Watches each ConfigMap and Secret that a pod of this node refers to (environment, volumes,
// imagePullSecrets) as long as some pod does: one watch per object, as a kubelet may ask for no
// more. Loop thread.
class ObjectCache : public ObjectSource {
 public:
  // `on_change` gets the uid of each pod that refers to an object that was seen or changed.
  ObjectCache(World& world, client::ApiClient& client,
              std::function<void(const std::string& pod_uid)> on_change);
  ~ObjectCache() override;

  // Replaces what `pod` refers to.
  void AddPod(const api::core::v1::Pod& pod);
  void RemovePod(const std::string& uid);
  // The tokens of the pod's projected volumes.
  TokenManager& tokens() { return tokens_; }
  // Returns when everything the pod refers to has been listed once, or after ten seconds.
  Task<void> WaitForPod(std::string uid);

  Result<std::shared_ptr<const api::core::v1::ConfigMap>> ConfigMap(
      const std::string& ns, const std::string& name) const override;
  Result<std::shared_ptr<const api::core::v1::Secret>> Secret(
      const std::string& ns, const std::string& name) const override;
  Result<std::string> ServiceAccountToken(
      const api::core::v1::Pod& pod,
      const api::core::v1::ServiceAccountTokenProjection& source) const override;

 private:
  enum class ObjectKind { kConfigMap, kSecret };
  struct Reference {
    ObjectKind kind;
    std::string ns;
    std::string name;
    auto operator<=>(const Reference&) const = default;
  };
  struct Entry {
    std::unique_ptr<client::Informer> informer;
    std::set<std::string> pods;
  };
  static std::set<Reference> ReferencesOf(const api::core::v1::Pod& pod);
  void Watch(const Reference& reference, Entry* entry);
  Result<client::MessagePtr> Find(const Reference& reference) const;

  World& world_;
  client::ApiClient& client_;
  std::function<void(const std::string&)> on_change_;
  TokenManager tokens_;
  std::map<Reference, Entry> entries_;
  std::map<std::string, std::set<Reference>> by_pod_;
};

}  // namespace wherry::nodeagent::volumes
