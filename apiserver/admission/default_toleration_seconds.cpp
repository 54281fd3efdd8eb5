#include "apiserver/admission/default_toleration_seconds.h"

#include "apiserver/admission/pod_plugin.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::apiserver::admission {

namespace {

constexpr const char* kTaints[] = {"node.kubernetes.io/not-ready",
                                   "node.kubernetes.io/unreachable"};
constexpr int64_t kSeconds = 300;

class DefaultTolerationSeconds : public PodPlugin {
 protected:
  Status AdmitPod(const Context&, Pod& pod, const Pod*) const override {
    // Both are judged by what the client said.
    auto given = pod.spec().tolerations();
    for (const char* taint : kTaints) {
      bool tolerated = std::any_of(given.begin(), given.end(), [taint](const auto& toleration) {
        return (toleration.key() == taint || toleration.key().empty()) &&
               (toleration.effect() == "NoExecute" || toleration.effect().empty());
      });
      if (tolerated) continue;
      auto& toleration = *pod.mutable_spec()->add_tolerations();
      toleration.set_key(taint);
      toleration.set_operator_("Exists");
      toleration.set_effect("NoExecute");
      toleration.set_tolerationseconds(kSeconds);
    }
    return Ok();
  }
};

}  // namespace

std::unique_ptr<registry::Admitter> MakeDefaultTolerationSeconds() {
  return std::make_unique<DefaultTolerationSeconds>();
}

}  // namespace wherry::apiserver::admission
