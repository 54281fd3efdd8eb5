#include "controllers/garbagecollector/graph.h"

#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "proto/api/meta/v1.pb.h"

#include <algorithm>

namespace wherry::controllers::garbagecollector {
namespace {

constexpr size_t kAbsentMax = 2000;

std::vector<Owner> OwnersOf(const api::meta::v1::ObjectMeta& meta) {
  std::vector<Owner> owners;
  for (const auto& reference : meta.ownerreferences())
    owners.push_back({.uid = reference.uid(),
                      .api_version = reference.apiversion(),
                      .kind = reference.kind(),
                      .name = reference.name(),
                      .blocking = reference.blockownerdeletion()});
  std::sort(owners.begin(), owners.end());
  return owners;
}

}  // namespace

Identity IdentityOf(const Owner& owner, const std::string& ns) {
  Identity identity{.uid = owner.uid, .name = owner.name};
  const auto version = api::GroupVersion::Parse(owner.api_version);
  if (version.ok()) identity.kind = api::FindKind(version->group, version->version, owner.kind);
  if (identity.kind != nullptr && identity.kind->namespaced) identity.ns = ns;
  return identity;
}

std::vector<Uid> Graph::Update(const google::protobuf::Message& object) {
  const auto& meta = api::MetaOf(object);
  std::vector<Uid> check;
  Node& node = nodes_[meta.uid()];
  const bool was_waiting = node.DeletingDependents() || node.Orphaning();
  const bool was_observed = node.observed;
  absent_.erase({.uid = meta.uid(),
                 .kind = &api::KindOf(object),
                 .ns = meta.namespace_(),
                 .name = meta.name()});
  node.uid = meta.uid();
  node.kind = &api::KindOf(object);
  node.ns = meta.namespace_();
  node.name = meta.name();
  node.observed = true;
  node.being_deleted = meta.has_deletiontimestamp();
  node.foreground = api::HasFinalizer(meta, "foregroundDeletion");
  node.orphan = api::HasFinalizer(meta, "orphan");

  auto owners = OwnersOf(meta);
  std::vector<Owner> added;
  std::vector<Owner> dropped;
  std::set_difference(owners.begin(), owners.end(), node.owners.begin(), node.owners.end(),
                      std::back_inserter(added));
  std::set_difference(node.owners.begin(), node.owners.end(), owners.begin(), owners.end(),
                      std::back_inserter(dropped));
  node.owners = std::move(owners);
  DropOwners(node, dropped, check);
  AddOwners(node, added, check);

  // References made before it was seen may mean it elsewhere: those owners are looked for live.
  if (!was_observed) {
    for (const Uid& dependent : node.dependents) {
      if (!Means(dependent, node.identity())) check.push_back(dependent);
    }
  }
  const bool waits = node.DeletingDependents() || node.Orphaning();
  if (waits && !was_waiting) check.push_back(node.uid);
  // Those it does not wait for go now too: it may stay long, for the sake of another finalizer.
  if (waits && !was_waiting && node.DeletingDependents()) {
    std::set<Uid> free(node.dependents.begin(), node.dependents.end());
    for (const Node* blocking : BlockingDependents(node)) free.erase(blocking->uid);
    check.insert(check.end(), free.begin(), free.end());
  }
  // A change of owners may leave it without a living one; at the first sight it may be an orphan
  // from before.
  if (!dropped.empty() && was_observed) check.push_back(node.uid);
  for (const Owner& owner : node.owners) {
    if (KnownAbsent(IdentityOf(owner, node.ns))) check.push_back(node.uid);
    // An owner that already waits for its dependents must take this one along.
    const Node* found = Find(owner.uid);
    if (found == nullptr || !found->DeletingDependents()) continue;
    check.push_back(owner.uid);
    if (!owner.blocking) check.push_back(node.uid);
  }
  return check;
}

void Graph::AddOwners(const Node& node, const std::vector<Owner>& owners, std::vector<Uid>& check) {
  for (const Owner& owner : owners) {
    Identity identity = IdentityOf(owner, node.ns);
    if (KnownAbsent(identity)) continue;
    auto [it, inserted] = nodes_.try_emplace(owner.uid);
    it->second.dependents.insert(node.uid);
    if (inserted) {
      it->second.uid = owner.uid;
      it->second.kind = identity.kind;
      it->second.ns = std::move(identity.ns);
      it->second.name = std::move(identity.name);
      check.push_back(owner.uid);
    } else if (it->second.identity() != identity) {
      check.push_back(node.uid);
    }
  }
}

void Graph::DropOwners(const Node& node, const std::vector<Owner>& owners,
                       std::vector<Uid>& check) {
  for (const Owner& owner : owners) {
    const auto it = nodes_.find(owner.uid);
    if (it == nodes_.end()) continue;
    const bool still = std::any_of(node.owners.begin(), node.owners.end(),
                                   [&](const Owner& other) { return other.uid == owner.uid; });
    if (!still) it->second.dependents.erase(node.uid);
    // It may have waited for this one only.
    if (it->second.DeletingDependents()) check.push_back(owner.uid);
    if (!it->second.observed && it->second.dependents.empty()) nodes_.erase(it);
  }
}

std::vector<Uid> Graph::Remove(const Uid& uid) {
  std::vector<Uid> check;
  const auto it = nodes_.find(uid);
  if (it == nodes_.end()) return check;
  NoteAbsent(it->second.identity());
  const Node node = std::move(it->second);
  nodes_.erase(it);
  for (const Owner& owner : node.owners) {
    const auto found = nodes_.find(owner.uid);
    if (found == nodes_.end()) continue;
    found->second.dependents.erase(uid);
    if (found->second.DeletingDependents()) check.push_back(owner.uid);
    if (!found->second.observed && found->second.dependents.empty()) nodes_.erase(found);
  }
  check.insert(check.end(), node.dependents.begin(), node.dependents.end());
  return check;
}

std::vector<Uid> Graph::Missing(const Identity& identity) {
  NoteAbsent(identity);
  const auto it = nodes_.find(identity.uid);
  // It lives elsewhere; who means it here was named when that was seen.
  if (it == nodes_.end() || it->second.identity() != identity) return {};
  std::vector<Uid> check;
  const Node* elsewhere = nullptr;
  for (const Uid& dependent : it->second.dependents) {
    if (Means(dependent, identity)) {
      check.push_back(dependent);
    } else {
      elsewhere = Find(dependent);
    }
  }
  if (it->second.observed || elsewhere == nullptr) return Remove(identity.uid);
  // Others mean an object elsewhere, which is looked for next.
  for (const Owner& owner : elsewhere->owners) {
    if (owner.uid != identity.uid) continue;
    const Identity other = IdentityOf(owner, elsewhere->ns);
    it->second.kind = other.kind;
    it->second.ns = other.ns;
    it->second.name = other.name;
  }
  check.push_back(identity.uid);
  return check;
}

bool Graph::Means(const Uid& dependent, const Identity& owner) const {
  const Node* node = Find(dependent);
  return node != nullptr &&
         std::any_of(node->owners.begin(), node->owners.end(), [&](const Owner& reference) {
           return IdentityOf(reference, node->ns) == owner;
         });
}

void Graph::NoteAbsent(const Identity& identity) {
  if (!absent_.insert(identity).second) return;
  absent_order_.push_back(identity);
  if (absent_order_.size() <= kAbsentMax) return;
  absent_.erase(absent_order_.front());
  absent_order_.pop_front();
}

const Node* Graph::Find(const Uid& uid) const {
  const auto it = nodes_.find(uid);
  return it == nodes_.end() ? nullptr : &it->second;
}

std::vector<const Node*> Graph::BlockingDependents(const Node& node) const {
  std::vector<const Node*> blocking;
  for (const Uid& uid : node.dependents) {
    const Node* dependent = Find(uid);
    if (dependent == nullptr) continue;
    const bool blocks =
        std::any_of(dependent->owners.begin(), dependent->owners.end(),
                    [&](const Owner& owner) { return owner.uid == node.uid && owner.blocking; });
    if (blocks) blocking.push_back(dependent);
  }
  return blocking;
}

}  // namespace wherry::controllers::garbagecollector
