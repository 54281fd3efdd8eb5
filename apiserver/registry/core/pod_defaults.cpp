#include "apiserver/registry/core/pod_defaults.h"

#include "apiserver/registry/core/resource_lists.h"
#include "proto/api/core/v1.pb.h"

#include <string_view>

namespace wherry::apiserver::registry {

using api::core::v1::Pod;
using api::core::v1::PodSpec;

namespace {

// Whether an image reference means the tag "latest", by name or by leaving the tag out.
bool MeansLatest(std::string_view image) {
  if (image.empty()) return false;
  size_t digest = image.find('@');
  std::string_view reference = image.substr(0, digest);
  size_t slash = reference.rfind('/');
  size_t colon = reference.find(':', slash == std::string_view::npos ? 0 : slash);
  if (colon == std::string_view::npos) return digest == std::string_view::npos;
  return reference.substr(colon + 1) == "latest";
}

template <typename Container>
void DefaultContainer(Container& container) {
  if (container.imagepullpolicy().empty()) {
    container.set_imagepullpolicy(MeansLatest(container.image()) ? "Always" : "IfNotPresent");
  }
  if (!container.has_resources()) return;
  RoundUpToMilli(*container.mutable_resources()->mutable_limits());
  RoundUpToMilli(*container.mutable_resources()->mutable_requests());
}

template <typename Containers>
void RequestWhatIsLimited(Containers& containers) {
  for (auto& container : containers) {
    if (!container.has_resources()) continue;
    auto& requests = *container.mutable_resources()->mutable_requests();
    for (const auto& [name, quantity] : container.resources().limits()) {
      if (!requests.contains(name)) requests[name] = quantity;
    }
  }
}

template <typename Containers>
void UseHostPorts(Containers& containers) {
  for (auto& container : containers) {
    for (auto& port : *container.mutable_ports()) {
      if (port.hostport() == 0) port.set_hostport(port.containerport());
    }
  }
}

template <typename Container>
void DropDisabledContainerFields(Container& container) {
  if (container.has_resources()) container.mutable_resources()->clear_claims();
  container.clear_resizepolicy();
  container.clear_restartpolicy();
  if (container.has_securitycontext()) container.mutable_securitycontext()->clear_procmount();
}

bool HasSource(const api::core::v1::Volume& volume) {
  return volume.has_volumesource() && volume.volumesource().ByteSizeLong() > 0;
}

}  // namespace

void DefaultPodSpec(PodSpec& spec) {
  for (auto& container : *spec.mutable_initcontainers()) DefaultContainer(container);
  for (auto& container : *spec.mutable_containers()) DefaultContainer(container);
  for (auto& container : *spec.mutable_ephemeralcontainers()) {
    DefaultContainer(*container.mutable_ephemeralcontainercommon());
  }
  for (auto& volume : *spec.mutable_volumes()) {
    if (!HasSource(volume)) volume.mutable_volumesource()->mutable_emptydir();
  }
  if (!spec.overhead().empty()) RoundUpToMilli(*spec.mutable_overhead());
  if (spec.serviceaccountname().empty() && !spec.serviceaccount().empty()) {
    spec.set_serviceaccountname(spec.serviceaccount());
  }
  if (!spec.serviceaccountname().empty()) spec.set_serviceaccount(spec.serviceaccountname());
}

void DefaultPodTemplate(api::core::v1::PodTemplateSpec& pod_template) {
  DefaultPodSpec(*pod_template.mutable_spec());
}

void DefaultPod(Pod& pod) {
  PodSpec& spec = *pod.mutable_spec();
  DefaultPodSpec(spec);
  RequestWhatIsLimited(*spec.mutable_containers());
  RequestWhatIsLimited(*spec.mutable_initcontainers());
  if (!spec.has_enableservicelinks()) spec.set_enableservicelinks(true);
  if (spec.hostnetwork()) {
    UseHostPorts(*spec.mutable_containers());
    UseHostPorts(*spec.mutable_initcontainers());
  }
}

void DropDisabledPodFields(PodSpec& spec) {
  spec.clear_resourceclaims();
  spec.clear_hostusers();
  for (auto& container : *spec.mutable_containers()) DropDisabledContainerFields(container);
  for (auto& container : *spec.mutable_initcontainers()) DropDisabledContainerFields(container);
  for (auto& container : *spec.mutable_ephemeralcontainers()) {
    DropDisabledContainerFields(*container.mutable_ephemeralcontainercommon());
  }
}

}  // namespace wherry::apiserver::registry
