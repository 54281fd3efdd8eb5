#pragma once

#include "controllers/objects/types.h"

#include <string>
#include <vector>

// One pod as an endpoint of a service.
namespace wherry::controllers::endpointslice {

// "IPv4" and/or "IPv6": the address types that the service's slices have.
std::vector<std::string> AddressTypes(const corev1::Service& service);

// `node` may be null. Without addresses when the pod has none of this type.
discoveryv1::Endpoint MakeEndpoint(const corev1::Pod& pod, const corev1::Node* node,
                                   const corev1::Service& service, const std::string& address_type);
std::vector<discoveryv1::EndpointPort> MakePorts(const corev1::Service& service,
                                                 const corev1::Pod& pod);

// What makes two endpoints the same one: addresses, hostname and the object behind.
std::string IdentityOf(const discoveryv1::Endpoint& endpoint);
// Equal in everything a client can see.
bool SameEndpoint(const discoveryv1::Endpoint& left, const discoveryv1::Endpoint& right);
// Slices hold endpoints with the same ports; this is what they have in common, in any order.
template <typename Ports>
std::string PortsKey(const Ports& ports);

}  // namespace wherry::controllers::endpointslice
