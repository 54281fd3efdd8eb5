#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace google::protobuf {
class Message;
}
namespace wherry::api {
struct KindInfo;
}

namespace wherry::controllers::garbagecollector {

using Uid = std::string;

// One ownerReference.
struct Owner {
  Uid uid;
  std::string api_version;
  std::string kind;
  std::string name;
  bool blocking = false;  // blockOwnerDeletion
  auto operator<=>(const Owner&) const = default;
};

// An object, as far as ownership goes.
struct Node {
  Uid uid;
  const api::KindInfo* kind = nullptr;  // null: of a kind nobody here knows
  std::string ns;
  std::string name;
  // False: only named by dependents so far. Such a node is checked against the server.
  bool observed = false;
  bool being_deleted = false;
  bool foreground = false;  // carries the finalizer foregroundDeletion
  bool orphan = false;      // carries the finalizer orphan
  std::vector<Owner> owners;
  std::set<Uid> dependents;

  bool DeletingDependents() const { return being_deleted && foreground; }
  bool Orphaning() const { return being_deleted && orphan; }
};

// Who owns whom, as told by watch events. Pure bookkeeping: each change answers with the nodes that
// should be looked at because of it. Source: upstream
// pkg/controller/garbagecollector/graph_builder.
class Graph {
 public:
  std::vector<Uid> Update(const google::protobuf::Message& object);
  // The object is gone: seen in a watch, or found missing on the server.
  std::vector<Uid> Remove(const Uid& uid);

  const Node* Find(const Uid& uid) const;
  // Known to have existed and to exist no longer; uids do not return. Bounded memory.
  bool KnownAbsent(const Uid& uid) const { return absent_.contains(uid); }
  // Dependents whose reference to `node` has blockOwnerDeletion.
  std::vector<const Node*> BlockingDependents(const Node& node) const;
  size_t size() const { return nodes_.size(); }

 private:
  void AddOwners(const Node& node, const std::vector<Owner>& owners, std::vector<Uid>& check);
  void DropOwners(const Node& node, const std::vector<Owner>& owners, std::vector<Uid>& check);

  std::map<Uid, Node> nodes_;
  std::set<Uid> absent_;
  std::deque<Uid> absent_order_;
};

}  // namespace wherry::controllers::garbagecollector
