#pragma once

#include "controllers/objects/expectations.h"
#include "controllers/objects/types.h"
#include "lib/client/informer.h"
#include "lib/loop/world.h"

#include <string>
#include <string_view>

// What the controllers that write EndpointSlices share.
namespace wherry::controllers {

inline constexpr char kManagedBy[] = "endpointslice.kubernetes.io/managed-by";
inline constexpr char kServiceName[] = "kubernetes.io/service-name";

// The key of the service that a slice managed by `controller` belongs to, "" for others' slices.
std::string ServiceKey(const google::protobuf::Message& slice, std::string_view controller);
// The same as an index.
client::Informer::IndexFunction ByServiceKey(std::string controller);

// Creates the slice under a name chosen here from its generateName, so that it is recognised when
// its watch event arrives; until then `service` expects it. Errors: those of the server, but a
// namespace that ends takes no slice and needs none.
Task<Status> CreateSlice(World& world, client::ApiClient& client, Expectations& expectations,
                         std::string service, std::shared_ptr<discoveryv1::EndpointSlice> slice);

}  // namespace wherry::controllers
