#include "controllers/endpoints/reconcile.h"

#include "controllers/endpoints/subsets.h"
#include "controllers/objects/pod_state.h"
#include "controllers/objects/service_pods.h"
#include "lib/api/codec.h"
#include "lib/api/validation.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::controllers::endpoints {
namespace {

// The pod's address in the service's first family; "" when it has none.
std::string AddressFor(const corev1::Service& service, const corev1::Pod& pod) {
  const auto& spec = service.spec();
  bool want_v6 = api::IsIPv6(pod.status().podip());
  if (!spec.ipfamilies().empty()) {
    want_v6 = spec.ipfamilies(0) == "IPv6";
  } else if (!IsHeadless(service)) {
    want_v6 = api::IsIPv6(spec.clusterip());
  }
  for (const auto& address : pod.status().podips()) {
    if (api::IsIPv6(address.ip()) == want_v6) return address.ip();
  }
  const std::string& only = pod.status().podip();
  return pod.status().podips().empty() && api::IsIPv6(only) == want_v6 ? only : "";
}

corev1::EndpointAddress MakeAddress(const corev1::Service& service, const corev1::Pod& pod,
                                    const std::string& ip) {
  corev1::EndpointAddress address;
  address.set_ip(ip);
  if (!pod.spec().nodename().empty()) address.set_nodename(pod.spec().nodename());
  if (ShouldSetHostname(pod, service)) address.set_hostname(pod.spec().hostname());
  auto* target = address.mutable_targetref();
  target->set_kind("Pod");
  target->set_namespace_(pod.metadata().namespace_());
  target->set_name(pod.metadata().name());
  target->set_uid(pod.metadata().uid());
  return address;
}

SubsetBuilder Gather(const State& state) {
  const auto& service = state.service;
  const bool publish_not_ready = service.spec().publishnotreadyaddresses();
  SubsetBuilder builder;
  for (const auto& pod : state.pods) {
    if (!ShouldPodBeInEndpoints(*pod, publish_not_ready)) continue;
    const std::string ip = AddressFor(service, *pod);
    if (ip.empty()) continue;
    const std::string address = MakeAddress(service, *pod, ip).SerializeAsString();
    const bool ready = publish_not_ready || IsPodReady(*pod);
    const std::string& uid = pod->metadata().uid();
    if (service.spec().ports().empty() && IsHeadless(service))
      builder.Add(ip, uid, address, ready, nullptr);
    for (const auto& service_port : service.spec().ports()) {
      const auto number = FindPort(*pod, service_port);
      if (!number) continue;
      corev1::EndpointPort port;
      if (!service_port.name().empty()) port.set_name(service_port.name());
      port.set_port(*number);
      port.set_protocol(service_port.protocol());
      if (service_port.has_appprotocol()) port.set_appprotocol(service_port.appprotocol());
      builder.Add(ip, uid, address, ready, &port);
    }
  }
  return builder;
}

}  // namespace

std::shared_ptr<corev1::Endpoints> Reconcile(const State& state) {
  auto wanted = std::make_shared<corev1::Endpoints>();
  if (state.current) *wanted->mutable_metadata() = state.current->metadata();
  auto* meta = wanted->mutable_metadata();
  meta->set_name(state.service.metadata().name());
  meta->set_namespace_(state.service.metadata().namespace_());
  *meta->mutable_labels() = state.service.metadata().labels();
  meta->mutable_labels()->erase(kHeadless);
  if (IsHeadless(state.service)) (*meta->mutable_labels())[kHeadless] = "";
  meta->mutable_annotations()->erase(kOverCapacity);
  if (Gather(state).Build(wanted.get()))
    (*meta->mutable_annotations())[kOverCapacity] = "truncated";
  if (state.current && api::ToJson(*state.current) == api::ToJson(*wanted)) return nullptr;
  return wanted;
}

}  // namespace wherry::controllers::endpoints
