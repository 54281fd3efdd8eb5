#include "apiserver/registry/object_meta.h"

#include "lib/api/kind_registry.h"
#include "lib/api/time.h"
#include "lib/api/validation.h"
#include "lib/base/ascii.h"
#include "lib/loop/world.h"
#include "proto/api/meta/v1.pb.h"

#include <algorithm>
#include <set>

namespace wherry::apiserver::registry {

using api::field::ErrorList;
using api::field::Path;
using api::meta::v1::ObjectMeta;

namespace {

constexpr int64_t kAnnotationBytesMax = 256 * 1024;
constexpr size_t kGeneratedNameMax = 63;
constexpr int kSuffixLength = 5;
constexpr std::string_view kOrphan = "orphan";
constexpr std::string_view kForeground = "foregroundDeletion";

void ValidateOwnerReferences(const ObjectMeta& metadata, const Path& path, ErrorList& errors) {
  std::string controller;
  for (const auto& owner : metadata.ownerreferences()) {
    if (owner.apiversion().empty()) {
      errors.Invalid(path.Child("apiVersion"), owner.apiversion(), "version must not be empty");
    }
    if (owner.kind().empty()) {
      errors.Invalid(path.Child("kind"), owner.kind(), "kind must not be empty");
    }
    if (owner.name().empty()) {
      errors.Invalid(path.Child("name"), owner.name(), "name must not be empty");
    }
    if (owner.uid().empty()) {
      errors.Invalid(path.Child("uid"), owner.uid(), "uid must not be empty");
    }
    if (owner.apiversion() == "v1" && owner.kind() == "Event") {
      errors.Invalid(path, owner.name(), "/v1, Kind=Event is disallowed from being an owner");
    }
    if (!owner.controller()) continue;
    std::string named = owner.kind() + "/" + owner.name();
    if (controller.empty()) {
      controller = named;
    } else {
      errors.Invalid(path, owner.name(),
                     "Only one reference can have Controller set to true. Found \"true\" in "
                     "references for " +
                         controller + " and " + named);
    }
  }
}

void ValidateFinalizers(const ObjectMeta& metadata, const Path& path, ErrorList& errors) {
  bool orphan = false;
  bool foreground = false;
  for (const std::string& finalizer : metadata.finalizers()) {
    errors.InvalidEach(path, finalizer, api::IsQualifiedName(finalizer));
    orphan = orphan || finalizer == kOrphan;
    foreground = foreground || finalizer == kForeground;
  }
  if (orphan && foreground) {
    errors.Invalid(path, std::string(kOrphan),
                   "finalizer orphan and foregroundDeletion cannot be both set");
  }
}

bool SameTime(bool has_a, const api::meta::v1::Time& a, bool has_b, const api::meta::v1::Time& b) {
  return has_a == has_b && a.seconds() == b.seconds();
}

constexpr std::string_view kImmutable = "field is immutable";

void ValidateUnchanged(const ObjectMeta& metadata, const ObjectMeta& old, const Path& path,
                       ErrorList& errors) {
  if (metadata.name() != old.name()) {
    errors.Invalid(path.Child("name"), metadata.name(), kImmutable);
  }
  if (metadata.namespace_() != old.namespace_()) {
    errors.Invalid(path.Child("namespace"), metadata.namespace_(), kImmutable);
  }
  if (metadata.uid() != old.uid()) {
    errors.Invalid(path.Child("uid"), metadata.uid(), kImmutable);
  }
  if (!SameTime(metadata.has_creationtimestamp(), metadata.creationtimestamp(),
                old.has_creationtimestamp(), old.creationtimestamp())) {
    errors.Invalid(path.Child("creationTimestamp"),
                   api::FormatTime(metadata.creationtimestamp().seconds()), kImmutable);
  }
  if (!SameTime(metadata.has_deletiontimestamp(), metadata.deletiontimestamp(),
                old.has_deletiontimestamp(), old.deletiontimestamp())) {
    errors.Invalid(
        path.Child("deletionTimestamp"),
        metadata.has_deletiontimestamp()
            ? api::field::BadValue(api::FormatTime(metadata.deletiontimestamp().seconds()))
            : api::field::BadValue(nullptr),
        kImmutable);
  }
  if (metadata.has_deletiongraceperiodseconds() != old.has_deletiongraceperiodseconds() ||
      metadata.deletiongraceperiodseconds() != old.deletiongraceperiodseconds()) {
    errors.Invalid(path.Child("deletionGracePeriodSeconds"),
                   api::field::BadValue(metadata.deletiongraceperiodseconds()), kImmutable);
  }
}

void ValidateNoNewFinalizers(const ObjectMeta& metadata, const ObjectMeta& old, const Path& path,
                             ErrorList& errors) {
  std::set<std::string> before(old.finalizers().begin(), old.finalizers().end());
  std::set<std::string> added;
  for (const std::string& finalizer : metadata.finalizers()) {
    if (!before.contains(finalizer)) added.insert(finalizer);
  }
  if (added.empty()) return;
  std::string list;
  for (const std::string& finalizer : added) {
    list += (list.empty() ? "\"" : ", \"") + finalizer + "\"";
  }
  errors.Forbidden(path,
                   "no new finalizers can be added if the object is being deleted, found new "
                   "finalizers []string{" +
                       list + "}");
}

}  // namespace

void FillObjectMetaSystemFields(ObjectMeta& metadata, WallTime now, Random& random) {
  api::SetTime(metadata.mutable_creationtimestamp(), now);
  metadata.set_uid(random.Uuid());
  metadata.clear_deletiontimestamp();
  metadata.clear_deletiongraceperiodseconds();
  metadata.clear_selflink();
  metadata.clear_managedfields();
  metadata.clear_generation();
}

std::string GenerateName(std::string_view base, Random& random) {
  std::string name(base.substr(0, kGeneratedNameMax - kSuffixLength));
  return name + random.NameSuffix(kSuffixLength);
}

void ValidateLabels(const SortedPairs& labels, const Path& path, ErrorList& errors) {
  for (const auto& [key, value] : labels) {
    errors.InvalidEach(path, key, api::IsQualifiedName(key));
    errors.InvalidEach(path, value, api::IsValidLabelValue(value));
  }
}

void ValidateAnnotations(const SortedPairs& annotations, const Path& path, ErrorList& errors) {
  int64_t bytes = 0;
  for (const auto& [key, value] : annotations) {
    bytes += static_cast<int64_t>(key.size() + value.size());
    errors.InvalidEach(path, key, api::IsQualifiedName(AsciiLowered(key)));
  }
  if (bytes > kAnnotationBytesMax) errors.TooLong(path, kAnnotationBytesMax);
}

ErrorList ValidateObjectMeta(const ObjectMeta& metadata, const Strategy& strategy) {
  ErrorList errors;
  Path path("metadata");
  if (!metadata.generatename().empty()) {
    errors.InvalidEach(path.Child("generateName"), metadata.generatename(),
                       strategy.ValidateName(metadata.generatename(), true));
  }
  if (metadata.name().empty()) {
    errors.Required(path.Child("name"), "name or generateName is required");
  } else {
    errors.InvalidEach(path.Child("name"), metadata.name(),
                       strategy.ValidateName(metadata.name(), false));
  }
  if (strategy.kind().namespaced) {
    if (metadata.namespace_().empty()) {
      errors.Required(path.Child("namespace"));
    } else {
      errors.InvalidEach(path.Child("namespace"), metadata.namespace_(),
                         api::NameIsDNSLabel(metadata.namespace_(), false));
    }
  } else if (!metadata.namespace_().empty()) {
    errors.Forbidden(path.Child("namespace"), "not allowed on this type");
  }
  if (metadata.generation() < 0) {
    errors.Invalid(path.Child("generation"), metadata.generation(),
                   "must be greater than or equal to 0");
  }
  ValidateLabels(Sorted(metadata.labels()), path.Child("labels"), errors);
  ValidateAnnotations(Sorted(metadata.annotations()), path.Child("annotations"), errors);
  ValidateOwnerReferences(metadata, path.Child("ownerReferences"), errors);
  ValidateFinalizers(metadata, path.Child("finalizers"), errors);
  return errors;
}

ErrorList ValidateObjectMetaUpdate(const ObjectMeta& metadata, const ObjectMeta& old) {
  ErrorList errors;
  Path path("metadata");
  if (old.has_deletiontimestamp()) {
    ValidateNoNewFinalizers(metadata, old, path.Child("finalizers"), errors);
  }
  if (metadata.generation() < old.generation()) {
    errors.Invalid(path.Child("generation"), metadata.generation(), "must not be decremented");
  }
  ValidateUnchanged(metadata, old, path, errors);
  ValidateLabels(Sorted(metadata.labels()), path.Child("labels"), errors);
  ValidateAnnotations(Sorted(metadata.annotations()), path.Child("annotations"), errors);
  ValidateOwnerReferences(metadata, path.Child("ownerReferences"), errors);
  ValidateFinalizers(metadata, path.Child("finalizers"), errors);
  return errors;
}

}  // namespace wherry::apiserver::registry
