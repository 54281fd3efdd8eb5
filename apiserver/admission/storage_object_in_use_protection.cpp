#include "apiserver/admission/storage_object_in_use_protection.h"

#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::apiserver::admission {

namespace {

namespace core = api::core::v1;

class StorageObjectInUseProtection : public registry::Admitter {
 public:
  Status Admit(const registry::Context&, const api::KindInfo& kind, registry::Message& object,
               const registry::Message* old) const override {
    if (old != nullptr) return Ok();
    const char* finalizer = nullptr;
    if (kind.descriptor == core::PersistentVolumeClaim::descriptor())
      finalizer = "kubernetes.io/pvc-protection";
    if (kind.descriptor == core::PersistentVolume::descriptor())
      finalizer = "kubernetes.io/pv-protection";
    if (finalizer == nullptr) return Ok();
    auto& metadata = *api::MutableMetaOf(&object);
    const auto& present = metadata.finalizers();
    if (std::find(present.begin(), present.end(), finalizer) == present.end())
      metadata.add_finalizers(finalizer);
    return Ok();
  }
};

}  // namespace

std::unique_ptr<registry::Admitter> MakeStorageObjectInUseProtection() {
  return std::make_unique<StorageObjectInUseProtection>();
}

}  // namespace wherry::apiserver::admission
