#include "controllers/objects/service_pods.h"

#include "controllers/objects/informers.h"
#include "controllers/objects/pod_state.h"
#include "lib/api/intstr.h"
#include "lib/api/same_labels.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::controllers {
namespace {

using Labels = google::protobuf::Map<std::string, std::string>;

bool Selects(const corev1::Service& service, const Labels& labels) {
  const auto& selector = service.spec().selector();
  return !selector.empty() && std::all_of(selector.begin(), selector.end(), [&](const auto& term) {
    const auto it = labels.find(term.first);
    return it != labels.end() && it->second == term.second;
  });
}

bool SameAddresses(const corev1::PodStatus& left, const corev1::PodStatus& right) {
  return left.podip() == right.podip() &&
         std::equal(left.podips().begin(), left.podips().end(), right.podips().begin(),
                    right.podips().end(),
                    [](const auto& a, const auto& b) { return a.ip() == b.ip(); });
}

}  // namespace

bool ShouldPodBeInEndpoints(const corev1::Pod& pod, bool include_terminating) {
  if (IsPodTerminal(pod)) return false;
  if (pod.status().podip().empty() && pod.status().podips().empty()) return false;
  return include_terminating || !IsBeingDeleted(pod.metadata());
}

bool ShouldSetHostname(const corev1::Pod& pod, const corev1::Service& service) {
  return !pod.spec().hostname().empty() && pod.spec().subdomain() == service.metadata().name() &&
         pod.metadata().namespace_() == service.metadata().namespace_();
}

std::optional<int32_t> FindPort(const corev1::Pod& pod, const corev1::ServicePort& port) {
  if (!port.has_targetport()) return port.port();
  if (!api::IsString(port.targetport())) {
    const int32_t number = api::IntValue(port.targetport());
    return number == 0 ? port.port() : number;
  }
  const std::string name = api::ToText(port.targetport());
  for (const auto& container : pod.spec().containers()) {
    for (const auto& candidate : container.ports()) {
      if (candidate.name() == name && candidate.protocol() == port.protocol())
        return candidate.containerport();
    }
  }
  return std::nullopt;
}

bool IsHeadless(const corev1::Service& service) {
  return service.spec().clusterip().empty() || service.spec().clusterip() == "None";
}

bool EndpointChanged(const corev1::Pod& before, const corev1::Pod& after) {
  return IsBeingDeleted(before.metadata()) != IsBeingDeleted(after.metadata()) ||
         IsPodReady(before) != IsPodReady(after) || IsPodTerminal(before) != IsPodTerminal(after) ||
         !SameAddresses(before.status(), after.status()) ||
         before.spec().nodename() != after.spec().nodename() ||
         before.spec().hostname() != after.spec().hostname() ||
         before.spec().subdomain() != after.spec().subdomain() ||
         !api::SameLabels(before.metadata().labels(), after.metadata().labels());
}

std::vector<std::string> ServicesFor(const client::Informer& services, const corev1::Pod& pod) {
  std::vector<std::string> keys;
  for (const auto& message : services.ByIndex(kByNamespace, pod.metadata().namespace_())) {
    if (Selects(static_cast<const corev1::Service&>(*message), pod.metadata().labels()))
      keys.push_back(client::KeyOf(*message));
  }
  return keys;
}

std::vector<std::string> ServicesToldOf(const client::Informer& services, const PodPtr& before,
                                        const corev1::Pod& pod) {
  if (before && !EndpointChanged(*before, pod)) return {};
  std::vector<std::string> keys = ServicesFor(services, pod);
  if (!before) return keys;
  for (auto& key : ServicesFor(services, *before)) keys.push_back(std::move(key));
  return keys;
}

std::vector<PodPtr> PodsFor(const client::Informer& pods, const corev1::Service& service) {
  std::vector<PodPtr> selected;
  if (service.spec().selector().empty()) return selected;
  for (const auto& message : pods.ByIndex(kByNamespace, service.metadata().namespace_())) {
    auto pod = std::static_pointer_cast<const corev1::Pod>(message);
    if (Selects(service, pod->metadata().labels())) selected.push_back(std::move(pod));
  }
  return selected;
}

}  // namespace wherry::controllers
