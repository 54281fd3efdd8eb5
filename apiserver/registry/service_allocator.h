#pragma once

#include "apiserver/registry/strategy.h"

namespace wherry::apiserver::registry {

// The cluster's clusterIPs and node ports. Loop thread.
//
// The Service strategy calls Reserve from Begin, after Default and before Validate, and Release
// from BeginDelete. Source: pkg/registry/core/service/{ipallocator,portallocator,storage}.
class ServiceAllocator {
 public:
  virtual ~ServiceAllocator() = default;

  // Fills spec.clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy, ports[].nodePort and
  // healthCheckNodePort where `service` (a core/v1 Service) leaves them to the server, and takes
  // the values it names itself unless `old` (null on create) holds them already. What an update
  // leaves out has been taken over from `old` before. Errors: kInvalid with upstream's causes for a
  // value that is out of range or taken; for healthCheckNodePort kInternalError, as upstream has
  // it.
  virtual Result<std::unique_ptr<Reservation>> Reserve(Message& service, const Message* old,
                                                       bool dry_run) = 0;
  // Its Commit gives back what `service` holds: once it is deleted.
  virtual std::unique_ptr<Reservation> Release(const Message& service) = 0;
};

}  // namespace wherry::apiserver::registry
