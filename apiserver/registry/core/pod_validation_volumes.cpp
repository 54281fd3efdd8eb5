#include "apiserver/registry/core/name_set.h"
#include "apiserver/registry/core/pod_validation_parts.h"
#include "apiserver/registry/core/pod_volume_sources.h"
#include "lib/api/validation.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::apiserver::registry {

namespace {

constexpr std::string_view kFileModeRange =
    "must be a number between 0 and 0777 (octal), both inclusive";
constexpr std::string_view kVolumeFields[] = {"metadata.annotations", "metadata.labels",
                                              "metadata.name", "metadata.namespace",
                                              "metadata.uid"};
constexpr int64_t kTokenSecondsMin = 600;
constexpr int64_t kTokenSecondsMax = int64_t{1} << 32;

void ValidateFileMode(bool present, int32_t mode, const FieldPath& path, ErrorList& errors) {
  if (present && (mode < 0 || mode > 0777)) errors.Invalid(path, mode, kFileModeRange);
}

void ValidateItems(const List<v1::KeyToPath>& items, const FieldPath& path, ErrorList& errors) {
  for (int i = 0; i < items.size(); ++i) {
    const v1::KeyToPath& item = items[i];
    FieldPath at = path.Index(i);
    CheckRequired(errors, at.Child("key"), item.key());
    CheckRequired(errors, at.Child("path"), item.path());
    ValidateLocalNonReservedPath(item.path(), at.Child("path"), errors);
    ValidateFileMode(item.has_mode(), item.mode(), at.Child("mode"), errors);
  }
}

void ValidateDownwardFile(const v1::DownwardAPIVolumeFile& file, const FieldPath& path,
                          ErrorList& errors) {
  CheckRequired(errors, path.Child("path"), file.path());
  ValidateLocalNonReservedPath(file.path(), path.Child("path"), errors);
  if (file.has_fieldref()) {
    ValidateFieldSelector(file.fieldref(), kVolumeFields, path.Child("fieldRef"), errors);
    if (file.has_resourcefieldref()) {
      errors.Invalid(path, "resource",
                     "fieldRef and resourceFieldRef can not be specified simultaneously");
    }
  } else if (file.has_resourcefieldref()) {
    ValidateResourceSelector(file.resourcefieldref(), true, path.Child("resourceFieldRef"), errors);
  } else {
    errors.Required(path, "one of fieldRef and resourceFieldRef is required");
  }
  ValidateFileMode(file.has_mode(), file.mode(), path.Child("mode"), errors);
}

// Paths in a projected volume, from all of its sources.
class ProjectedPaths {
 public:
  ProjectedPaths(const FieldPath& volume, ErrorList& errors) : volume_(volume), errors_(errors) {}
  void Add(std::string_view path, std::string_view shown) {
    if (path.empty() || paths_.Insert(path)) return;
    errors_.Invalid(volume_, shown, "conflicting duplicate paths");
  }

 private:
  const FieldPath& volume_;
  ErrorList& errors_;
  NameSet paths_;
};

template <typename Projection>
void ValidateKeysProjection(const Projection& projection, ProjectedPaths& paths,
                            const FieldPath& path, ErrorList& errors) {
  const std::string& name = projection.localobjectreference().name();
  CheckRequired(errors, path.Child("name"), name);
  ValidateItems(projection.items(), path.Child("items"), errors);
  for (const auto& item : projection.items()) paths.Add(item.path(), name);
}

void ValidateTokenProjection(const v1::ServiceAccountTokenProjection& token, const FieldPath& path,
                             const FieldPath& volume, ErrorList& errors) {
  FieldPath expiration = path.Child("expirationSeconds");
  if (token.expirationseconds() < kTokenSecondsMin) {
    errors.Invalid(expiration, token.expirationseconds(),
                   "may not specify a duration less than 10 minutes");
  }
  if (token.expirationseconds() > kTokenSecondsMax) {
    errors.Invalid(expiration, token.expirationseconds(),
                   "may not specify a duration larger than 2^32 seconds");
  }
  CheckRequired(errors, volume.Child("path"), token.path());
}

void ValidateProjected(const v1::ProjectedVolumeSource& projected, const FieldPath& path,
                       ErrorList& errors) {
  ValidateFileMode(projected.has_defaultmode(), projected.defaultmode(), path.Child("defaultMode"),
                   errors);
  ProjectedPaths paths(path, errors);
  for (int i = 0; i < projected.sources_size(); ++i) {
    const v1::VolumeProjection& source = projected.sources(i);
    FieldPath at = path.Child("sources").Index(i);
    int kinds = 0;
    if (source.has_secret()) {
      ++kinds;
      ValidateKeysProjection(source.secret(), paths, at.Child("secret"), errors);
    }
    if (source.has_configmap()) {
      ++kinds;
      ValidateKeysProjection(source.configmap(), paths, at.Child("configMap"), errors);
    }
    if (source.has_downwardapi()) {
      ++kinds;
      for (const auto& file : source.downwardapi().items()) {
        ValidateDownwardFile(file, at.Child("downwardAPI"), errors);
        paths.Add(file.path(), file.path());
      }
    }
    if (source.has_serviceaccounttoken()) {
      ++kinds;
      ValidateTokenProjection(source.serviceaccounttoken(), at.Child("serviceAccountToken"), path,
                              errors);
    }
    if (kinds > 1) errors.Forbidden(at, "may not specify more than 1 volume type");
  }
}

// A pod's own volumes; those of storage systems are in pod_volume_sources.cpp.
void ValidateOwnSource(const v1::VolumeSource& source, std::string_view kind, const FieldPath& path,
                       ErrorList& errors) {
  if (kind == "emptyDir") {
    if (source.emptydir().sizelimit().string().starts_with('-')) {
      errors.Forbidden(path.Child("sizeLimit"),
                       "SizeLimit field must be a valid resource quantity");
    }
  } else if (kind == "secret") {
    const auto& secret = source.secret();
    CheckRequired(errors, path.Child("secretName"), secret.secretname());
    ValidateFileMode(secret.has_defaultmode(), secret.defaultmode(), path.Child("defaultMode"),
                     errors);
    ValidateItems(secret.items(), path.Child("items"), errors);
  } else if (kind == "configMap") {
    const auto& config_map = source.configmap();
    CheckRequired(errors, path.Child("name"), config_map.localobjectreference().name());
    ValidateFileMode(config_map.has_defaultmode(), config_map.defaultmode(),
                     path.Child("defaultMode"), errors);
    ValidateItems(config_map.items(), path.Child("items"), errors);
  } else if (kind == "downwardAPI") {
    const auto& downward = source.downwardapi();
    ValidateFileMode(downward.has_defaultmode(), downward.defaultmode(), path.Child("defaultMode"),
                     errors);
    for (const auto& file : downward.items()) ValidateDownwardFile(file, path, errors);
  } else if (kind == "projected") {
    ValidateProjected(source.projected(), path, errors);
  } else {
    ValidateStorageSource(source, kind, path, errors);
  }
}

void ValidateSource(const v1::Volume& volume, const PodSpecOwner& owner, const FieldPath& path,
                    ErrorList& errors) {
  const v1::VolumeSource& source = volume.volumesource();
  VolumeSourceKinds kinds = SetVolumeSources(source);
  if (kinds.empty()) errors.Required(path, "must specify a volume type");
  for (size_t i = 0; i < kinds.size(); ++i) {
    if (i > 0) {
      errors.Forbidden(path.Child(kinds[i]), "may not specify more than 1 volume type");
    } else {
      ValidateOwnSource(source, kinds[i], path.Child(kinds[i]), errors);
    }
  }
  if (!source.has_ephemeral() || owner.pod_name.empty() || volume.name().empty()) return;
  std::string claim = std::string(owner.pod_name) + "-" + volume.name();
  for (const std::string& reason : api::NameIsDNSSubdomain(claim, false)) {
    errors.Invalid(path.Child("name"), volume.name(), "PVC name \"" + claim + "\": " + reason);
  }
}

bool IsEphemeralClaim(const List<v1::Volume>& volumes, std::string_view pod_name,
                      std::string_view claim) {
  if (pod_name.empty() || !claim.starts_with(pod_name)) return false;
  return std::any_of(volumes.begin(), volumes.end(), [&](const v1::Volume& volume) {
    return volume.volumesource().has_ephemeral() &&
           claim == std::string(pod_name) + "-" + volume.name();
  });
}

}  // namespace

void VolumeTable::Add(std::string_view name, const v1::VolumeSource* source) {
  auto at =
      std::lower_bound(volumes_.begin(), volumes_.end(), name,
                       [](const auto& entry, std::string_view key) { return entry.first < key; });
  volumes_.insert(at, {name, source});
}

const v1::VolumeSource* VolumeTable::Find(std::string_view name) const {
  auto at =
      std::lower_bound(volumes_.begin(), volumes_.end(), name,
                       [](const auto& entry, std::string_view key) { return entry.first < key; });
  return at != volumes_.end() && at->first == name ? at->second : nullptr;
}

VolumeTable ValidateVolumes(const List<v1::Volume>& volumes, const PodSpecOwner& owner,
                            const FieldPath& path, ErrorList& errors) {
  VolumeTable table;
  for (int i = 0; i < volumes.size(); ++i) {
    const v1::Volume& volume = volumes[i];
    FieldPath at = path.Index(i);
    size_t errors_before = errors.size();
    ValidateSource(volume, owner, at, errors);
    if (volume.name().empty()) {
      errors.Required(at.Child("name"));
    } else {
      CheckDNS1123Label(errors, at.Child("name"), volume.name());
    }
    if (table.Find(volume.name()) != nullptr) errors.Duplicate(at.Child("name"), volume.name());
    if (errors.size() == errors_before) table.Add(volume.name(), &volume.volumesource());
    const std::string& claim = volume.volumesource().persistentvolumeclaim().claimname();
    if (!claim.empty() && IsEphemeralClaim(volumes, owner.pod_name, claim)) {
      errors.Invalid(at.Child("persistentVolumeClaim", "claimName"), claim,
                     "must not reference a PVC that gets created for an ephemeral volume");
    }
  }
  return table;
}

}  // namespace wherry::apiserver::registry
