#include "apiserver/admission/runtime_class.h"

#include "apiserver/admission/pod_plugin.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::apiserver::admission {

namespace {

class RuntimeClass : public PodPlugin {
 protected:
  Status AdmitPod(const Context&, Pod& pod, const Pod* old) const override {
    if (old != nullptr) return Ok();
    const auto& spec = pod.spec();
    if (spec.has_runtimeclassname()) {
      return Forbid(pod,
                    "pod rejected: RuntimeClass \"" + spec.runtimeclassname() + "\" not found");
    }
    if (spec.overhead().empty()) return Ok();
    return Forbid(
        pod, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead");
  }
};

}  // namespace

std::unique_ptr<registry::Admitter> MakeRuntimeClass() { return std::make_unique<RuntimeClass>(); }

}  // namespace wherry::apiserver::admission
