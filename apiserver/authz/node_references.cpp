#include "apiserver/authz/node_references.h"

#include "lib/api/references.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::apiserver::authz {

namespace {

constexpr const char* kMirrorAnnotation = "kubernetes.io/config.mirror";
constexpr const char* kSecrets = "secrets";
constexpr const char* kClaims = "persistentvolumeclaims";

}  // namespace

void NodeReferences::SetPod(const api::core::v1::Pod& pod) {
  const auto& metadata = pod.metadata();
  const std::string& ns = metadata.namespace_();
  const std::string& node = pod.spec().nodename();
  if (node.empty() || metadata.annotations().contains(kMirrorAnnotation)) {
    return RemovePod(ns, metadata.name());
  }
  // What a bound pod refers to does not change.
  auto known = pods_.find({ns, metadata.name()});
  if (known != pods_.end() && known->second.uid == metadata.uid() && known->second.node == node)
    return;
  RemovePod(ns, metadata.name());
  PodEntry entry{.uid = metadata.uid(), .node = node, .objects = {}};
  const api::PodReferences references = api::ReferencesOf(pod);
  auto add = [&](const char* resource, const std::string& name) {
    if (!name.empty()) entry.objects.emplace_back(resource, ns, name);
  };
  for (const std::string& name : references.secrets) add(kSecrets, name);
  for (const std::string& name : references.config_maps) add("configmaps", name);
  for (const std::string& name : references.claims) add(kClaims, name);
  add("serviceaccounts", references.service_account);
  for (const ObjectKey& object : entry.objects) ++nodes_[object][node];
  pods_.emplace(PodKey{ns, metadata.name()}, std::move(entry));
}

void NodeReferences::RemovePod(const std::string& ns, const std::string& name) {
  auto found = pods_.find({ns, name});
  if (found == pods_.end()) return;
  for (const ObjectKey& object : found->second.objects) {
    auto nodes = nodes_.find(object);
    auto count = nodes->second.find(found->second.node);
    if (--count->second == 0) nodes->second.erase(count);
    if (nodes->second.empty()) nodes_.erase(nodes);
  }
  pods_.erase(found);
}

void NodeReferences::SetVolume(const api::core::v1::PersistentVolume& volume) {
  const std::string& name = volume.metadata().name();
  RemoveVolume(name);
  const auto& claim = volume.spec().claimref();
  if (claim.name().empty()) return;
  VolumeEntry entry{.claim = {kClaims, claim.namespace_(), claim.name()}, .secrets = {}};
  for (const auto& [ns, secret] : api::NodeSecretsOf(volume)) {
    entry.secrets.emplace_back(kSecrets, ns, secret);
    volumes_of_secret_[entry.secrets.back()].insert(name);
  }
  volumes_.emplace(name, std::move(entry));
}

void NodeReferences::RemoveVolume(const std::string& name) {
  auto found = volumes_.find(name);
  if (found == volumes_.end()) return;
  for (const ObjectKey& secret : found->second.secrets) {
    auto volumes = volumes_of_secret_.find(secret);
    volumes->second.erase(name);
    if (volumes->second.empty()) volumes_of_secret_.erase(volumes);
  }
  volumes_.erase(found);
}

void NodeReferences::TakePods(NodeReferences&& other) {
  pods_ = std::move(other.pods_);
  nodes_ = std::move(other.nodes_);
}

void NodeReferences::TakeVolumes(NodeReferences&& other) {
  volumes_ = std::move(other.volumes_);
  volumes_of_secret_ = std::move(other.volumes_of_secret_);
}

bool NodeReferences::PodsRefer(const std::string& node, const ObjectKey& object) const {
  auto found = nodes_.find(object);
  return found != nodes_.end() && found->second.contains(node);
}

bool NodeReferences::Refers(const std::string& node, std::string_view resource,
                            const std::string& ns, const std::string& name) const {
  auto through_volume = [&](const std::string& volume) {
    auto found = volumes_.find(volume);
    return found != volumes_.end() && PodsRefer(node, found->second.claim);
  };
  if (resource == "persistentvolumes") return through_volume(name);
  const ObjectKey object(resource, ns, name);
  if (PodsRefer(node, object)) return true;
  auto volumes = volumes_of_secret_.find(object);
  return volumes != volumes_of_secret_.end() &&
         std::any_of(volumes->second.begin(), volumes->second.end(), through_volume);
}

}  // namespace wherry::apiserver::authz
