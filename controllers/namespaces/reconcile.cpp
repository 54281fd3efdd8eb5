#include "controllers/namespaces/reconcile.h"

#include "controllers/objects/conditions.h"
#include "controllers/objects/pod_state.h"
#include "lib/api/object_meta.h"
#include "lib/api/time.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::controllers::namespaces {
namespace {

// One condition: what it says while all is well, and otherwise.
struct Finding {
  const char* type;
  const char* ok_reason;
  const char* ok_message;
  const char* reason;
  std::string message;  // "" when all is well
};

template <typename Map>
std::string Join(const Map& counts, const std::string& between) {
  std::string text;
  for (const auto& [name, count] : counts) {
    if (!text.empty()) text += ", ";
    text += name + between + std::to_string(count) + " resource instances";
  }
  return text;
}

std::vector<Finding> Findings(const Remaining& remaining) {
  std::string failures;
  if (!remaining.errors.empty()) {
    auto errors = remaining.errors;
    std::sort(errors.begin(), errors.end());
    failures =
        "Failed to delete all resource types, " + std::to_string(errors.size()) + " remaining: ";
    for (size_t i = 0; i < errors.size(); ++i) failures += (i == 0 ? "" : ", ") + errors[i];
  }
  std::string content;
  if (!remaining.by_resource.empty())
    content = "Some resources are remaining: " + Join(remaining.by_resource, " has ");
  std::string finalizers;
  if (!remaining.by_finalizer.empty())
    finalizers = "Some content in the namespace has finalizers remaining: " +
                 Join(remaining.by_finalizer, " in ");
  return {
      {"NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered",
       "All resources successfully discovered", "", ""},
      {"NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions",
       "All legacy kube types successfully parsed", "", ""},
      {"NamespaceDeletionContentFailure", "ContentDeleted",
       "All content successfully deleted, may be waiting on finalization", "ContentDeletionFailed",
       failures},
      {"NamespaceContentRemaining", "ContentRemoved", "All content successfully removed",
       "SomeResourcesRemain", content},
      {"NamespaceFinalizersRemaining", "ContentHasNoFinalizers",
       "All content-preserving finalizers finished", "SomeFinalizersRemain", finalizers},
  };
}

}  // namespace

void Remaining::Add(const Remaining& other) {
  for (const auto& [name, count] : other.by_resource) by_resource[name] += count;
  for (const auto& [name, count] : other.by_finalizer) by_finalizer[name] += count;
  errors.insert(errors.end(), other.errors.begin(), other.errors.end());
  grace = std::max(grace, other.grace);
}

void CountRemaining(const std::string& resource, const google::protobuf::Message& object,
                    Remaining& remaining) {
  ++remaining.by_resource[resource];
  for (const auto& finalizer : api::MetaOf(object).finalizers())
    ++remaining.by_finalizer[finalizer];
  const auto* pod = dynamic_cast<const corev1::Pod*>(&object);
  if (pod == nullptr || IsPodTerminal(*pod)) return;
  remaining.grace =
      std::max(remaining.grace, std::chrono::seconds(pod->spec().terminationgraceperiodseconds()));
}

std::shared_ptr<corev1::Namespace> WithConditions(const corev1::Namespace& ns,
                                                  const Remaining& remaining, WallTime now) {
  auto copy = std::make_shared<corev1::Namespace>(ns);
  auto* conditions = copy->mutable_status()->mutable_conditions();
  bool changed = copy->status().phase() != "Terminating";
  copy->mutable_status()->set_phase("Terminating");
  for (const auto& finding : Findings(remaining)) {
    const bool well = finding.message.empty();
    const std::string status = well ? "False" : "True";
    const std::string reason = well ? finding.ok_reason : finding.reason;
    const std::string message = well ? finding.ok_message : finding.message;
    auto* condition = FindCondition(conditions, finding.type);
    if (condition != nullptr && condition->status() == status && condition->reason() == reason &&
        condition->message() == message)
      continue;
    changed = true;
    const bool turned = condition == nullptr || condition->status() != status;
    if (condition == nullptr) {
      condition = conditions->Add();
      condition->set_type(finding.type);
    }
    condition->set_status(status);
    condition->set_reason(reason);
    condition->set_message(message);
    if (turned) api::SetTime(condition->mutable_lasttransitiontime(), now);
  }
  return changed ? copy : nullptr;
}

std::shared_ptr<corev1::Namespace> Finalized(const corev1::Namespace& ns) {
  auto copy = std::make_shared<corev1::Namespace>(ns);
  auto* finalizers = copy->mutable_spec()->mutable_finalizers();
  const auto end = std::remove(finalizers->begin(), finalizers->end(), kFinalizer);
  if (end == finalizers->end()) return nullptr;
  finalizers->erase(end, finalizers->end());
  return copy;
}

}  // namespace wherry::controllers::namespaces
