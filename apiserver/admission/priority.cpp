#include "apiserver/admission/priority.h"

#include "apiserver/admission/pod_plugin.h"
#include "proto/api/core/v1.pb.h"

#include <optional>

namespace wherry::apiserver::admission {

namespace {

constexpr const char* kPreempt = "PreemptLowerPriority";

struct PriorityClass {
  std::string_view name;
  int32_t value;
};
constexpr PriorityClass kClasses[] = {
    {"", 0}, {"system-cluster-critical", 2'000'000'000}, {"system-node-critical", 2'000'001'000}};

std::optional<int32_t> PriorityOf(std::string_view class_name) {
  for (const auto& [name, value] : kClasses) {
    if (name == class_name) return value;
  }
  return std::nullopt;
}

class Priority : public PodPlugin {
 protected:
  Status AdmitPod(const Context&, Pod& pod, const Pod* old) const override {
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
    std::optional<int32_t> priority = PriorityOf(spec.priorityclassname());
    if (!priority) {
      return Forbid(pod, "no PriorityClass with name " + spec.priorityclassname() + " was found");
    }
    if (spec.has_priority() && spec.priority() != *priority) {
      return Forbid(pod, "the integer value of priority (" + std::to_string(spec.priority()) +
                             ") must not be provided in pod spec; priority admission controller "
                             "computed " +
                             std::to_string(*priority) + " from the given PriorityClass name");
    }
    spec.set_priority(*priority);
    if (spec.has_preemptionpolicy() && spec.preemptionpolicy() != kPreempt) {
      return Forbid(pod, "the string value of PreemptionPolicy (" + spec.preemptionpolicy() +
                             ") must not be provided in pod spec; priority admission controller "
                             "computed " +
                             std::string(kPreempt) + " from the given PriorityClass name");
    }
    spec.set_preemptionpolicy(kPreempt);
    return Ok();
  }
};

}  // namespace

std::unique_ptr<registry::Admitter> MakePriority() { return std::make_unique<Priority>(); }

}  // namespace wherry::apiserver::admission
