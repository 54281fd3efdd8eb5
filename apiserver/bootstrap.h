#pragma once

#include "apiserver/registry/store.h"
#include "lib/loop/task.h"

#include <cstdint>
#include <string>

namespace wherry::apiserver {

// What every cluster has: the four system namespaces, the two system priority
// classes, and the service `kubernetes` with the
// addresses of this server. Source:
// pkg/controlplane/controller/{systemnamespaces,kubernetesservice}.
struct BootstrapOptions {
  std::string service_address;    // the clusterIP of `kubernetes`
  std::string advertise_address;  // its endpoint
  uint16_t advertise_port = 0;
};

// Creates what is missing and corrects the endpoint, and the service's address, type and ports.
// What cannot be written is logged, and keeps nothing else from being written.
Task<void> WriteBootstrapObjects(registry::Store& store, BootstrapOptions options);

// Writes them again every ten seconds, as people and tools delete them; runs until it is destroyed.
Task<void> KeepBootstrapObjects(registry::Store& store, BootstrapOptions options);

}  // namespace wherry::apiserver
