#pragma once

#include "apiserver/registry/strategy.h"

namespace wherry::apiserver::registry {

// The cluster's clusterIPs and node ports. Loop thread.
//
// The Service strategy calls Reserve from Begin, after Default and before Validate, and Release
// from AfterDelete. Source: pkg/registry/core/service/{ipallocator,portallocator,storage}.
class ServiceAllocator {
 public:
  virtual ~ServiceAllocator() = default;

  // Fills spec.clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy, ports[].nodePort and
  // healthCheckNodePort where `service` (a core/v1 Service) leaves them to the server, taking over
  // what `old` (null on create) holds already, and takes the values it names itself.
  // Errors: kInvalid with upstream's causes for a value that is out of range or taken.
  virtual Result<std::unique_ptr<Reservation>> Reserve(Message& service, const Message* old,
                                                       bool dry_run) = 0;
  // Gives back what a deleted service held.
  virtual void Release(const Message& service) = 0;
};

}  // namespace wherry::apiserver::registry
