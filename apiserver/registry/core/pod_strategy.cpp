#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/pod_defaults.h"
#include "apiserver/registry/core/pod_printer.h"
#include "apiserver/registry/core/pod_qos.h"
#include "apiserver/registry/core/pod_validation.h"
#include "apiserver/registry/core/pod_warnings.h"
#include "apiserver/registry/core/strategies.h"
#include "proto/api/core/v1.pb.h"

// Source: pkg/registry/core/pod/strategy.go.
namespace wherry::apiserver::registry::core {

using api::core::v1::Pod;
using api::core::v1::PodStatus;

namespace {

// podIP is the first of podIPs; whichever a client gave, both are stored.
void AlignPodIPs(PodStatus& status) {
  if (!status.podip().empty() &&
      (status.podips_size() == 0 || status.podips(0).ip() != status.podip())) {
    status.clear_podips();
    status.add_podips()->set_ip(status.podip());
  } else if (status.podips_size() > 0) {
    status.set_podip(status.podips(0).ip());
  }
}

class PodStatusStrategy : public UpdateStrategy {
 public:
  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    Pod& pod = Typed<Pod>(object);
    *pod.mutable_spec() = Typed<Pod>(old).spec();
    *pod.mutable_metadata()->mutable_ownerreferences() =
        Typed<Pod>(old).metadata().ownerreferences();
    AlignPodIPs(*pod.mutable_status());
  }
  ErrorList ValidateUpdate(const Context&, const Message& object,
                           const Message& old) const override {
    return ValidatePodStatusUpdate(Typed<Pod>(object), Typed<Pod>(old));
  }
};

class PodStrategy : public KindStrategy<Pod> {
 public:
  void Default(Message& object) const override { DefaultPod(Typed<Pod>(object)); }

  void PrepareForCreate(const Context&, Message& object) const override {
    Pod& pod = Typed<Pod>(object);
    DropDisabledPodFields(*pod.mutable_spec());
    PodStatus& status = *pod.mutable_status();
    status.Clear();
    status.set_phase("Pending");
    status.set_qosclass(std::string(ComputePodQOS(pod)));
    if (pod.spec().schedulinggates_size() == 0) return;
    auto& condition = *status.add_conditions();
    condition.set_type("PodScheduled");
    condition.set_status("False");
    condition.set_reason("SchedulingGated");
    condition.set_message("Scheduling is blocked due to non-empty scheduling gates");
  }

  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    Pod& pod = Typed<Pod>(object);
    *pod.mutable_status() = Typed<Pod>(old).status();
    DropDisabledPodFields(*pod.mutable_spec());
  }

  ErrorList Validate(const Context&, const Message& object) const override {
    return ValidatePodCreate(Typed<Pod>(object));
  }
  ErrorList ValidateUpdate(const Context&, const Message& object,
                           const Message& old) const override {
    return ValidatePodUpdate(Typed<Pod>(object), Typed<Pod>(old));
  }
  std::vector<std::string> WarningsOnCreate(const Context&, const Message& object) const override {
    const Pod& pod = Typed<Pod>(object);
    std::vector<std::string> warnings;
    AddNameWarning(pod.metadata().name(), "the Pod's hostname", warnings);
    AddPodSpecWarnings(pod.spec(), FieldPath("spec"), warnings);
    return warnings;
  }

  std::optional<int64_t> GracefulDelete(const Context&, const Message& object,
                                        const DeleteRequest& request) const override {
    const Pod& pod = Typed<Pod>(object);
    const std::string& phase = pod.status().phase();
    if (pod.spec().nodename().empty() || phase == "Failed" || phase == "Succeeded") return 0;
    int64_t period =
        request.grace_period_seconds.value_or(pod.spec().terminationgraceperiodseconds());
    return period < 0 ? 1 : period;
  }

  bool ReturnDeletedObject() const override { return true; }

  const UpdateStrategy* StatusStrategy() const override { return &status_; }

  std::vector<storage::SelectableField> SelectableFields() const override {
    return {{"spec.nodeName", ""},
            {"spec.restartPolicy", ""},
            {"spec.schedulerName", ""},
            {"spec.serviceAccountName", ""},
            {"spec.hostNetwork", "false"},
            {"status.phase", ""},
            {"status.podIP", ""},
            {"status.nominatedNodeName", ""},
            // Taken and empty for every pod; and what old clients call spec.nodeName.
            {"status.podIPs", ""},
            {"spec.host", "", "spec.nodeName"}};
  }
  std::vector<std::string> IndexedFields() const override { return {"spec.nodeName"}; }

  const TablePrinter& Printer() const override { return PodPrinter(); }

 private:
  PodStatusStrategy status_;
};

}  // namespace

std::unique_ptr<Strategy> MakePodStrategy() { return std::make_unique<PodStrategy>(); }

}  // namespace wherry::apiserver::registry::core
