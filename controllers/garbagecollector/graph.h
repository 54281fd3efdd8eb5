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

// Everything that a reference says about the object it means. A reference may be wrong in any of
// it: that nothing of this identity exists does not say that the uid is nowhere else.
struct Identity {
  Uid uid;
  const api::KindInfo* kind = nullptr;  // null: of a kind nobody here knows
  std::string ns;
  std::string name;
  auto operator<=>(const Identity&) const = default;
};

// The owner as an object in namespace `ns` means it: in that namespace, unless its kind has none.
Identity IdentityOf(const Owner& owner, const std::string& ns);

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

  Identity identity() const { return {.uid = uid, .kind = kind, .ns = ns, .name = name}; }

  bool DeletingDependents() const { return being_deleted && foreground; }
  bool Orphaning() const { return being_deleted && orphan; }
};

// Who owns whom, as told by watch events. Pure bookkeeping: each change answers with the nodes that
// should be looked at because of it. Source: upstream
// pkg/controller/garbagecollector/graph_builder.
class Graph {
 public:
  std::vector<Uid> Update(const google::protobuf::Message& object);
  // The object was deleted: seen in a watch.
  std::vector<Uid> Remove(const Uid& uid);
  // The server has nothing of that identity.
  std::vector<Uid> Missing(const Identity& identity);

  const Node* Find(const Uid& uid) const;
  // Looked for in vain, or deleted; uids do not return. Bounded memory.
  bool KnownAbsent(const Identity& identity) const { return absent_.contains(identity); }
  // Dependents whose reference to `node` has blockOwnerDeletion.
  std::vector<const Node*> BlockingDependents(const Node& node) const;
  size_t size() const { return nodes_.size(); }

 private:
  void AddOwners(const Node& node, const std::vector<Owner>& owners, std::vector<Uid>& check);
  void DropOwners(const Node& node, const std::vector<Owner>& owners, std::vector<Uid>& check);
  // Whether a reference of that dependent means `owner` as it is here.
  bool Means(const Uid& dependent, const Identity& owner) const;
  void NoteAbsent(const Identity& identity);

  std::map<Uid, Node> nodes_;
  std::set<Identity> absent_;
  std::deque<Identity> absent_order_;
};

}  // namespace wherry::controllers::garbagecollector
