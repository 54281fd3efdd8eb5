#include "apiserver/registry/core/name_set.h"
#include "apiserver/registry/core/pod_validation_parts.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::apiserver::registry {

namespace {

constexpr std::string_view kPropagations[] = {"Bidirectional", "HostToContainer", "None"};

// A path has ".." as one of its elements.
bool HasBackstep(std::string_view value) {
  for (size_t start = 0; start <= value.size();) {
    size_t slash = std::min(value.find('/', start), value.size());
    if (value.substr(start, slash - start) == "..") return true;
    start = slash + 1;
  }
  return false;
}

void ValidatePropagation(const v1::VolumeMount& mount, bool privileged, const FieldPath& path,
                         ErrorList& errors) {
  CheckOneOf(errors, path, mount.mountpropagation(), kPropagations);
  if (mount.mountpropagation() == "Bidirectional" && !privileged) {
    errors.Forbidden(path,
                     "Bidirectional mount propagation is available only to privileged containers");
  }
}

}  // namespace

void ValidatePathNoBacksteps(std::string_view value, const FieldPath& path, ErrorList& errors) {
  if (HasBackstep(value)) errors.Invalid(path, value, "must not contain '..'");
}

void ValidateLocalDescendingPath(std::string_view value, const FieldPath& path, ErrorList& errors) {
  if (value.starts_with('/')) errors.Invalid(path, value, "must be a relative path");
  ValidatePathNoBacksteps(value, path, errors);
}

void ValidateLocalNonReservedPath(std::string_view value, const FieldPath& path,
                                  ErrorList& errors) {
  ValidateLocalDescendingPath(value, path, errors);
  if (value.starts_with("..") && !value.starts_with("../")) {
    errors.Invalid(path, value, "must not start with '..'");
  }
}

void ValidateVolumeMounts(const List<v1::VolumeMount>& mounts,
                          const List<v1::VolumeDevice>& devices, const VolumeTable& volumes,
                          bool privileged, const FieldPath& path, ErrorList& errors) {
  NameSet device_names;
  NameSet device_paths;
  for (const auto& device : devices) {
    device_names.Insert(device.name());
    device_paths.Insert(device.devicepath());
  }
  NameSet mount_paths;
  for (int i = 0; i < mounts.size(); ++i) {
    const v1::VolumeMount& mount = mounts[i];
    FieldPath at = path.Index(i);
    CheckRequired(errors, at.Child("name"), mount.name());
    if (volumes.Find(mount.name()) == nullptr) errors.NotFound(at.Child("name"), mount.name());
    CheckRequired(errors, at.Child("mountPath"), mount.mountpath());
    if (!mount_paths.Insert(mount.mountpath())) {
      errors.Invalid(at.Child("mountPath"), mount.mountpath(), "must be unique");
    }
    if (device_names.Contains(mount.name())) {
      errors.Invalid(at.Child("name"), mount.name(), "must not already exist in volumeDevices");
    }
    if (device_paths.Contains(mount.mountpath())) {
      errors.Invalid(at.Child("mountPath"), mount.mountpath(),
                     "must not already exist as a path in volumeDevices");
    }
    // Upstream leaves the index out of the next paths.
    ValidateLocalDescendingPath(mount.subpath(), path.Child("subPath"), errors);
    if (!mount.subpathexpr().empty()) {
      if (!mount.subpath().empty()) {
        errors.Invalid(at.Child("subPathExpr"), mount.subpathexpr(),
                       "subPathExpr and subPath are mutually exclusive");
      }
      ValidateLocalDescendingPath(mount.subpathexpr(), path.Child("subPathExpr"), errors);
    }
    if (mount.has_mountpropagation()) {
      ValidatePropagation(mount, privileged, path.Child("mountPropagation"), errors);
    }
  }
}

void ValidateVolumeDevices(const List<v1::VolumeDevice>& devices,
                           const List<v1::VolumeMount>& mounts, const VolumeTable& volumes,
                           const FieldPath& path, ErrorList& errors) {
  if (devices.empty()) return;
  NameSet mount_names;
  NameSet mount_paths;
  for (const auto& mount : mounts) {
    mount_names.Insert(mount.name());
    mount_paths.Insert(mount.mountpath());
  }
  NameSet names;
  NameSet paths;
  for (int i = 0; i < devices.size(); ++i) {
    const v1::VolumeDevice& device = devices[i];
    FieldPath name = path.Index(i).Child("name");
    FieldPath device_path = path.Index(i).Child("devicePath");
    CheckRequired(errors, name, device.name());
    if (!device.name().empty() && !names.Insert(device.name())) {
      errors.Invalid(name, device.name(), "must be unique");
    }
    const v1::VolumeSource* source = volumes.Find(device.name());
    if (source == nullptr) {
      errors.NotFound(name, device.name());
    } else if (!source->has_persistentvolumeclaim() && !source->has_ephemeral()) {
      errors.Invalid(name, device.name(),
                     "can only use volume source type of PersistentVolumeClaim or Ephemeral for "
                     "block mode");
    }
    CheckRequired(errors, device_path, device.devicepath());
    if (HasBackstep(device.devicepath())) {
      errors.Invalid(device_path, device.devicepath(), "can not contain backsteps ('..')");
    } else if (!paths.Insert(device.devicepath())) {
      errors.Invalid(device_path, device.devicepath(), "must be unique");
    }
    if (mount_names.Contains(device.name())) {
      errors.Invalid(name, device.name(), "must not already exist in volumeMounts");
    }
    if (mount_paths.Contains(device.devicepath())) {
      errors.Invalid(device_path, device.devicepath(),
                     "must not already exist as a path in volumeMounts");
    }
  }
}

}  // namespace wherry::apiserver::registry
