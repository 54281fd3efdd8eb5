#pragma once

#include "apiserver/registry/admitter.h"

#include <memory>

namespace wherry::apiserver::admission {

// Gives new PersistentVolumeClaims and PersistentVolumes the finalizer that keeps them while they
// are in use; controllers/volumeprotection takes it out again.
// Source: plugin/pkg/admission/storage/storageobjectinuseprotection.
std::unique_ptr<registry::Admitter> MakeStorageObjectInUseProtection();

}  // namespace wherry::apiserver::admission
