#include "apiserver/admission/priority.h"

#include "apiserver/admission/pod_plugin.h"
#include "apiserver/request/status.h"
#include "lib/api/kind_registry.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/scheduling/v1.pb.h"

#include <algorithm>
#include <memory>

namespace wherry::apiserver::admission {

namespace {

using api::scheduling::v1::PriorityClass;
using ClassPtr = std::shared_ptr<const registry::Message>;

const PriorityClass& AsClass(const ClassPtr& object) {
  return registry::Typed<PriorityClass>(*object);
}

// Of several defaults, as two servers could have let in, the lowest counts.
ClassPtr DefaultClass(const Context& context) {
  if (context.listing == nullptr) return nullptr;
  ClassPtr found;
  for (ClassPtr& each : (*context.listing)(api::KindOf<PriorityClass>())) {
    if (!AsClass(each).globaldefault()) continue;
    if (!found || AsClass(each).value() < AsClass(found).value()) found = std::move(each);
  }
  return found;
}

// What the class of a pod means for it.
struct Meaning {
  int32_t priority = 0;
  std::string preemption_policy = "PreemptLowerPriority";
};

void Apply(const PriorityClass& priority_class, Meaning& meaning) {
  meaning.priority = priority_class.value();
  if (priority_class.has_preemptionpolicy()) {
    meaning.preemption_policy = priority_class.preemptionpolicy();
  }
}

class Priority : public PodPlugin {
 public:
  // A second class for everybody is refused.
  Status Admit(const Context& context, const api::KindInfo& kind, registry::Message& object,
               const registry::Message* old) const override {
    if (kind.descriptor != PriorityClass::descriptor()) {
      return PodPlugin::Admit(context, kind, object, old);
    }
    const auto& priority_class = registry::Typed<PriorityClass>(object);
    if (!priority_class.globaldefault()) return Ok();
    ClassPtr present = DefaultClass(context);
    if (!present) return Ok();
    const std::string& name = AsClass(present).metadata().name();
    if (old != nullptr && name == priority_class.metadata().name()) return Ok();
    return ForbiddenError(
        {"scheduling.k8s.io", "priorityclasses"}, priority_class.metadata().name(),
        "PriorityClass " + name + " is already marked as default. Only one default can exist");
  }

 protected:
  Status AdmitPod(const Context& context, Pod& pod, const Pod* old) const override {
    auto& spec = *pod.mutable_spec();
    if (old != nullptr) {
      // What was computed on create stays, although the client may not send it.
      if (!spec.has_priority() && old->spec().has_priority()) {
        spec.set_priority(old->spec().priority());
      }
      if (!spec.has_preemptionpolicy() && old->spec().has_preemptionpolicy()) {
        spec.set_preemptionpolicy(old->spec().preemptionpolicy());
      }
      return Ok();
    }
    TRY(Meaning meaning, MeaningFor(context, pod));
    if (spec.has_priority() && spec.priority() != meaning.priority) {
      return Forbid(pod, "the integer value of priority (" + std::to_string(spec.priority()) +
                             ") must not be provided in pod spec; priority admission controller "
                             "computed " +
                             std::to_string(meaning.priority) +
                             " from the given PriorityClass name");
    }
    spec.set_priority(meaning.priority);
    if (spec.has_preemptionpolicy() && spec.preemptionpolicy() != meaning.preemption_policy) {
      return Forbid(pod, "the string value of PreemptionPolicy (" + spec.preemptionpolicy() +
                             ") must not be provided in pod spec; priority admission controller "
                             "computed " +
                             meaning.preemption_policy + " from the given PriorityClass name");
    }
    spec.set_preemptionpolicy(meaning.preemption_policy);
    return Ok();
  }

 private:
  // Gives a pod that names no class the default one, if there is one.
  static Result<Meaning> MeaningFor(const Context& context, Pod& pod) {
    auto& spec = *pod.mutable_spec();
    Meaning meaning;
    if (spec.priorityclassname().empty()) {
      if (ClassPtr found = DefaultClass(context)) {
        spec.set_priorityclassname(AsClass(found).metadata().name());
        Apply(AsClass(found), meaning);
      }
      return meaning;
    }
    ClassPtr found;
    if (context.lookup != nullptr) {
      found = (*context.lookup)(api::KindOf<PriorityClass>(), "", spec.priorityclassname());
    }
    if (!found) {
      return Forbid(pod, "no PriorityClass with name " + spec.priorityclassname() + " was found");
    }
    Apply(AsClass(found), meaning);
    return meaning;
  }
};

}  // namespace

std::unique_ptr<registry::Admitter> MakePriority() { return std::make_unique<Priority>(); }

}  // namespace wherry::apiserver::admission
