#include "lib/api/references.h"

#include "proto/api/core/v1.pb.h"

namespace wherry::api {

namespace {

template <typename Container>
void AddContainer(const Container& container, PodReferences& found) {
  for (const auto& source : container.envfrom()) {
    if (source.has_secretref())
      found.secrets.insert(source.secretref().localobjectreference().name());
    if (source.has_configmapref())
      found.config_maps.insert(source.configmapref().localobjectreference().name());
  }
  for (const auto& variable : container.env()) {
    const auto& from = variable.valuefrom();
    if (from.has_secretkeyref())
      found.secrets.insert(from.secretkeyref().localobjectreference().name());
    if (from.has_configmapkeyref())
      found.config_maps.insert(from.configmapkeyref().localobjectreference().name());
  }
}

void AddProjected(const core::v1::ProjectedVolumeSource& projected, PodReferences& found) {
  for (const auto& part : projected.sources()) {
    if (part.has_secret()) found.secrets.insert(part.secret().localobjectreference().name());
    if (part.has_configmap())
      found.config_maps.insert(part.configmap().localobjectreference().name());
    if (part.has_serviceaccounttoken()) found.token_volumes = true;
  }
}

// The secretRef that a volume's driver logs in with.
template <typename Source>
void AddLogin(const Source& source, PodReferences& found) {
  if (source.has_secretref()) found.secrets.insert(source.secretref().name());
}

void AddVolume(const core::v1::Volume& volume, const std::string& pod, PodReferences& found) {
  const auto& source = volume.volumesource();
  if (source.has_secret()) found.secrets.insert(source.secret().secretname());
  if (source.has_configmap())
    found.config_maps.insert(source.configmap().localobjectreference().name());
  AddProjected(source.projected(), found);
  if (source.has_persistentvolumeclaim())
    found.claims.insert(source.persistentvolumeclaim().claimname());
  if (source.has_ephemeral()) found.claims.insert(pod + "-" + volume.name());
  if (source.has_azurefile()) found.secrets.insert(source.azurefile().secretname());
  if (source.csi().has_nodepublishsecretref())
    found.secrets.insert(source.csi().nodepublishsecretref().name());
  AddLogin(source.cephfs(), found);
  AddLogin(source.cinder(), found);
  AddLogin(source.flexvolume(), found);
  AddLogin(source.iscsi(), found);
  AddLogin(source.rbd(), found);
  AddLogin(source.scaleio(), found);
  AddLogin(source.storageos(), found);
}

}  // namespace

PodReferences ReferencesOf(const core::v1::Pod& pod) {
  PodReferences found;
  const auto& spec = pod.spec();
  found.service_account = spec.serviceaccountname();
  for (const auto& secret : spec.imagepullsecrets()) found.secrets.insert(secret.name());
  for (const auto& container : spec.initcontainers()) AddContainer(container, found);
  for (const auto& container : spec.containers()) AddContainer(container, found);
  for (const auto& container : spec.ephemeralcontainers())
    AddContainer(container.ephemeralcontainercommon(), found);
  for (const auto& volume : spec.volumes()) AddVolume(volume, pod.metadata().name(), found);
  return found;
}

std::set<std::pair<std::string, std::string>> NodeSecretsOf(
    const core::v1::PersistentVolume& volume) {
  std::set<std::pair<std::string, std::string>> secrets;
  const std::string& claim_ns = volume.spec().claimref().namespace_();
  auto add = [&](const std::string& ns, const std::string& name) {
    if (!name.empty()) secrets.emplace(ns.empty() ? claim_ns : ns, name);
  };
  auto add_reference = [&](const auto& reference) {
    add(reference.namespace_(), reference.name());
  };
  const auto& source = volume.spec().persistentvolumesource();
  add(source.azurefile().secretnamespace(), source.azurefile().secretname());
  add_reference(source.cephfs().secretref());
  add_reference(source.cinder().secretref());
  add_reference(source.flexvolume().secretref());
  add_reference(source.iscsi().secretref());
  add_reference(source.rbd().secretref());
  add_reference(source.scaleio().secretref());
  add_reference(source.storageos().secretref());
  add_reference(source.csi().nodestagesecretref());
  add_reference(source.csi().nodepublishsecretref());
  add_reference(source.csi().nodeexpandsecretref());
  return secrets;
}

}  // namespace wherry::api
