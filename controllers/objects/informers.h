#pragma once

#include "lib/client/informer.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace wherry::api {
struct KindInfo;
}

namespace wherry::controllers {

// Indexes that every shared informer has.
inline constexpr char kByNamespace[] = "namespace";        // metadata.namespace
inline constexpr char kByController[] = "controller-uid";  // the uid of the controlling owner
inline constexpr char kOrphans[] = "orphans";  // the namespace of objects nobody controls
inline constexpr char kByNode[] = "node";      // pods only: spec.nodeName

// One informer per kind for all controllers of a process, so that an object is held and parsed
// once. Controllers ask for kinds and add handlers in their constructors; Start comes after all of
// them.
class Informers {
 public:
  Informers(World& world, client::ApiClient& client) : world_(world), client_(client) {}

  client::Informer& For(const api::KindInfo& kind);
  void Start();
  // Every informer asked for has listed its kind.
  bool HasSynced() const;

 private:
  World& world_;
  client::ApiClient& client_;
  // By "group/plural": an order that is the same in every run.
  std::map<std::string, std::unique_ptr<client::Informer>> informers_;
};

// What every controller is built from. All of it outlives the controller.
struct Context {
  World& world;
  client::ApiClient& client;
  Informers& informers;
  std::vector<const api::KindInfo*> served_kinds;  // see served_kinds.h
};

// "ns/name" -> {ns, name}; "name" -> {"", name}.
std::pair<std::string, std::string> SplitKey(const std::string& key);

Task<void> WaitForSync(std::vector<client::Informer*> informers);

}  // namespace wherry::controllers
