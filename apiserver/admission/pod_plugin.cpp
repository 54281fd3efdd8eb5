#include "apiserver/admission/pod_plugin.h"

#include "apiserver/request/status.h"
#include "lib/api/kind_registry.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::apiserver::admission {

Status PodPlugin::Admit(const Context& context, const api::KindInfo& kind,
                        registry::Message& object, const registry::Message* old) const {
  if (kind.descriptor != Pod::descriptor()) return Ok();
  const Pod* before = old == nullptr ? nullptr : &registry::Typed<Pod>(*old);
  return AdmitPod(context, registry::Typed<Pod>(object), before);
}

Error Forbid(const Pod& pod, std::string_view why) {
  return ForbiddenError({"", "pods"}, pod.metadata().name(), why);
}

}  // namespace wherry::apiserver::admission
