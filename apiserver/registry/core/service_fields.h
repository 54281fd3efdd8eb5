#pragma once

namespace wherry::api::core::v1 {
class Service;
}

// Services have fields that hang together: a type, and what only some types have.
// Source: pkg/registry/core/service/strategy.go and storage/storage.go.
namespace wherry::apiserver::registry {

bool NeedsClusterIP(const api::core::v1::Service& service);
bool NeedsNodePort(const api::core::v1::Service& service);
bool NeedsHealthCheckNodePort(const api::core::v1::Service& service);
bool NeedsExternalTrafficPolicy(const api::core::v1::Service& service);
// clusterIP is "None".
bool IsHeadless(const api::core::v1::Service& service);

void DefaultService(api::core::v1::Service& service);
// On create: clusterIPs from clusterIP.
void AlignClusterIPs(api::core::v1::Service& service);
// On update: what the server once allocated and the client left out is kept, clusterIP and
// clusterIPs are brought together, and what the new type has no use for goes unless the client
// changed it in the same update.
void AlignWithOld(api::core::v1::Service& service, const api::core::v1::Service& old);

}  // namespace wherry::apiserver::registry
