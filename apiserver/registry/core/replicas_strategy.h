#pragma once

#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/pod_defaults.h"
#include "apiserver/registry/core/pod_warnings.h"
#include "apiserver/registry/core/printing.h"
#include "apiserver/registry/core/replicas_validation.h"

#include <array>
#include <string>
#include <vector>

// What kinds that keep a number of equal pods (Deployment, ReplicaSet, ReplicationController)
// share: a template in the spec, counts in the status. The kind's class must be complete where
// these are made. Source: pkg/registry/apps/{deployment,replicaset}/strategy.go,
// pkg/registry/core/replicationcontroller/strategy.go.
namespace wherry::apiserver::registry {

template <typename T>
class ReplicasStrategy : public KindStrategy<T> {
 public:
  void Default(Message& object) const override {
    if (auto* pod_template = TemplateOf(Typed<T>(object))) DefaultPodTemplate(*pod_template);
  }

  void PrepareForCreate(const Context& context, Message& object) const override {
    KindStrategy<T>::PrepareForCreate(context, object);
    DropDisabledFields(Typed<T>(object));
  }

  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    T& replicas = Typed<T>(object);
    const T& before = Typed<T>(old);
    *replicas.mutable_status() = before.status();
    DropDisabledFields(replicas);
    if (!WantsTheSame(replicas, before))
      replicas.mutable_metadata()->set_generation(before.metadata().generation() + 1);
  }

  std::vector<std::string> WarningsOnCreate(const Context&, const Message& object) const override {
    const T& replicas = Typed<T>(object);
    Warnings warnings;
    AddNameWarning(replicas.metadata().name(), "Pod names and hostnames", warnings);
    AddPodSpecWarnings(replicas.spec().template_().spec(), TemplatePath(), warnings);
    return warnings;
  }
  std::vector<std::string> WarningsOnUpdate(const Context&, const Message& object,
                                            const Message& old) const override {
    const T& replicas = Typed<T>(object);
    Warnings warnings;
    if (replicas.metadata().generation() != Typed<T>(old).metadata().generation())
      AddPodSpecWarnings(replicas.spec().template_().spec(), TemplatePath(), warnings);
    return warnings;
  }

 protected:
  // Null when there is none and none may be made up.
  virtual api::core::v1::PodTemplateSpec* TemplateOf(T& object) const {
    return object.mutable_spec()->mutable_template_();
  }
  // Whether controllers have nothing new to do: the generation stays.
  virtual bool WantsTheSame(const T& object, const T& before) const {
    return SemanticEqual(object.spec(), before.spec());
  }

 private:
  static FieldPath TemplatePath() { return FieldPath("spec").Child("template").Child("spec"); }
  void DropDisabledFields(T& object) const {
    if (auto* pod_template = TemplateOf(object))
      DropDisabledPodFields(*pod_template->mutable_spec());
  }
};

// status of ReplicaSets and ReplicationControllers.
template <typename T>
class ReplicaCountsStrategy : public UpdateStrategy {
 public:
  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    *Typed<T>(object).mutable_spec() = Typed<T>(old).spec();
  }
  ErrorList ValidateUpdate(const Context&, const Message& object, const Message&) const override {
    const auto& status = Typed<T>(object).status();
    return ValidateReplicaCounts({.replicas = status.replicas(),
                                  .fully_labeled = status.fullylabeledreplicas(),
                                  .ready = status.readyreplicas(),
                                  .available = status.availablereplicas(),
                                  .observed_generation = status.observedgeneration()});
  }
};

// The wide columns that all of them end with.
inline constexpr TableColumn kContainersColumn = {
    .name = "Containers", .description = "Names of the template's containers.", .priority = 1};
inline constexpr TableColumn kImagesColumn = {
    .name = "Images", .description = "Images of the template's containers.", .priority = 1};
inline constexpr TableColumn kSelectorColumn = {
    .name = "Selector", .description = "The pods it owns.", .priority = 1};

// ReplicaSets and ReplicationControllers.
inline constexpr std::array<TableColumn, 8> kReplicaColumns = {
    kNameColumn,
    TableColumn{.name = "Desired", .type = "integer", .description = "Pods wanted."},
    TableColumn{.name = "Current", .type = "integer", .description = "Pods there are."},
    TableColumn{.name = "Ready", .type = "integer", .description = "Pods that are ready."},
    kAgeColumn,
    kContainersColumn,
    kImagesColumn,
    kSelectorColumn};

template <typename T>
TableRow ReplicaRow(const T& object, const std::string& selector, WallTime now) {
  const auto& pod_spec = object.spec().template_().spec();
  return {.cells = {NameCell(object.metadata()), IntegerCell(object.spec().replicas()),
                    IntegerCell(object.status().replicas()),
                    IntegerCell(object.status().readyreplicas()), AgeCell(object.metadata(), now),
                    StringCell(ContainerNames(pod_spec)), StringCell(ContainerImages(pod_spec)),
                    StringCell(selector)}};
}

}  // namespace wherry::apiserver::registry
