#pragma once

#include "controllers/objects/types.h"
#include "lib/client/informer.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// Which pods stand behind a service, shared by the endpoints and endpointslice controllers.
// Source: upstream staging/src/k8s.io/endpointslice/util.
namespace wherry::controllers {

// The label that says so to readers of endpoints and slices.
inline constexpr char kHeadless[] = "service.kubernetes.io/headless";

// It has an address, is not finished, and (unless terminating ones are welcome) is not terminating.
bool ShouldPodBeInEndpoints(const corev1::Pod& pod, bool include_terminating);
// The pod's DNS name exists only under its subdomain's service.
bool ShouldSetHostname(const corev1::Pod& pod, const corev1::Service& service);
// The service's targetPort in this pod; nullopt when it names a port the pod does not have.
std::optional<int32_t> FindPort(const corev1::Pod& pod, const corev1::ServicePort& port);
bool IsHeadless(const corev1::Service& service);  // no cluster IP

// A change that endpoints can see: labels, readiness, deletion, phase, addresses, hostname.
bool EndpointChanged(const corev1::Pod& before, const corev1::Pod& after);

// Keys of the services in the pod's namespace that select it.
std::vector<std::string> ServicesFor(const client::Informer& services, const corev1::Pod& pod);
// Keys of the services whose endpoints may differ since the pod was as `before` (null: it came, or
// went).
std::vector<std::string> ServicesToldOf(const client::Informer& services, const PodPtr& before,
                                        const corev1::Pod& pod);
// The pods in the service's namespace that it selects; none when it has no selector.
std::vector<PodPtr> PodsFor(const client::Informer& pods, const corev1::Service& service);

}  // namespace wherry::controllers
