#include "apiserver/registry/core/pod_volume_sources.h"

#include "apiserver/registry/core/pod_validation_parts.h"
#include "apiserver/registry/core/selector_validation.h"
#include "lib/api/validation.h"
#include "lib/base/ascii.h"
#include "proto/api/core/v1.pb.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <array>

namespace wherry::apiserver::registry {

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// A kind of volume and which of its fields, texts or lists, must not be empty.
struct SourceRule {
  std::string_view name;
  std::string_view required[3] = {};
};

// In upstream's order.
constexpr std::array kSources = {
    SourceRule{"emptyDir"},
    SourceRule{"hostPath"},
    SourceRule{"gitRepo", {"repository"}},
    SourceRule{"gcePersistentDisk", {"pdName"}},
    SourceRule{"awsElasticBlockStore", {"volumeID"}},
    SourceRule{"secret"},
    SourceRule{"nfs", {"server", "path"}},
    SourceRule{"iscsi", {"targetPortal", "iqn"}},
    SourceRule{"glusterfs", {"endpoints", "path"}},
    SourceRule{"flocker"},
    SourceRule{"persistentVolumeClaim", {"claimName"}},
    SourceRule{"rbd", {"monitors", "image"}},
    SourceRule{"cinder", {"volumeID"}},
    SourceRule{"cephfs", {"monitors"}},
    SourceRule{"quobyte", {"registry", "volume"}},
    SourceRule{"downwardAPI"},
    SourceRule{"fc"},
    SourceRule{"flexVolume", {"driver"}},
    SourceRule{"configMap"},
    SourceRule{"azureFile", {"secretName", "shareName"}},
    SourceRule{"vsphereVolume", {"volumePath"}},
    SourceRule{"photonPersistentDisk", {"pdID"}},
    SourceRule{"portworxVolume", {"volumeID"}},
    SourceRule{"azureDisk", {"diskName", "diskURI"}},
    SourceRule{"storageos", {"volumeName"}},
    SourceRule{"projected"},
    SourceRule{"scaleIO", {"gateway", "system", "volumeName"}},
    SourceRule{"csi", {"driver"}},
    SourceRule{"ephemeral"},
};

using SourceFields = std::array<const FieldDescriptor*, kSources.size()>;

const SourceFields& Fields() {
  static const SourceFields fields = [] {
    SourceFields found{};
    for (size_t i = 0; i < kSources.size(); ++i) {
      found[i] = v1::VolumeSource::descriptor()->FindFieldByName(std::string(kSources[i].name));
      CHECK_THAT(found[i] != nullptr, std::string(kSources[i].name));
    }
    return found;
  }();
  return fields;
}

bool IsEmpty(const Message& message, std::string_view name) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(std::string(name));
  CHECK_THAT(field != nullptr, std::string(name));
  const auto* reflection = message.GetReflection();
  if (field->is_repeated()) return reflection->FieldSize(message, field) == 0;
  std::string scratch;
  return reflection->GetStringReference(message, field, &scratch).empty();
}

void ValidateRequired(const v1::VolumeSource& source, std::string_view kind, const FieldPath& path,
                      ErrorList& errors) {
  for (size_t i = 0; i < kSources.size(); ++i) {
    if (kSources[i].name != kind) continue;
    const Message& chosen = source.GetReflection()->GetMessage(source, Fields()[i]);
    for (std::string_view name : kSources[i].required) {
      if (!name.empty() && IsEmpty(chosen, name)) errors.Required(path.Child(name));
    }
  }
}

constexpr std::string_view kHostPathTypes[] = {
    "",     "BlockDevice",  "CharDevice", "Directory", "DirectoryOrCreate",
    "File", "FileOrCreate", "Socket"};

void ValidateHostPath(const v1::HostPathVolumeSource& host_path, const FieldPath& path,
                      ErrorList& errors) {
  if (host_path.path().empty()) return errors.Required(path.Child("path"));
  ValidatePathNoBacksteps(host_path.path(), path.Child("path"), errors);
  CheckOneOf(errors, path.Child("type"), host_path.type(), kHostPathTypes);
}

void ValidateLun(int32_t lun, const FieldPath& path, ErrorList& errors) {
  AddReasons(errors, path, lun, api::IsInRange(lun, 0, 255));
}

void ValidateIscsi(const v1::ISCSIVolumeSource& iscsi, const FieldPath& path, ErrorList& errors) {
  const std::string& iqn = iscsi.iqn();
  if (!iqn.empty() && !iqn.starts_with("iqn") && !iqn.starts_with("eui") &&
      !iqn.starts_with("naa")) {
    errors.Invalid(path.Child("iqn"), iqn, "must be valid format starting with iqn, eui, or naa");
  }
  ValidateLun(iscsi.lun(), path.Child("lun"), errors);
  if ((iscsi.chapauthdiscovery() || iscsi.chapauthsession()) && !iscsi.has_secretref()) {
    errors.Required(path.Child("secretRef"));
  }
}

void ValidateFlocker(const v1::FlockerVolumeSource& flocker, const FieldPath& path,
                     ErrorList& errors) {
  if (flocker.datasetname().empty() && flocker.datasetuuid().empty()) {
    errors.Required(path, "one of datasetName and datasetUUID is required");
  }
  if (!flocker.datasetname().empty() && !flocker.datasetuuid().empty()) {
    errors.Invalid(path, "resource",
                   "datasetName and datasetUUID can not be specified simultaneously");
  }
  if (flocker.datasetname().find('/') != std::string::npos) {
    errors.Invalid(path.Child("datasetName"), flocker.datasetname(), "must not contain '/'");
  }
}

void ValidateFc(const v1::FCVolumeSource& fc, const FieldPath& path, ErrorList& errors) {
  bool has_names = fc.targetwwns_size() > 0;
  if (!has_names && fc.wwids_size() == 0) {
    errors.Required(path.Child("targetWWNs"),
                    "must specify either targetWWNs or wwids, but not both");
  }
  if (has_names && fc.wwids_size() > 0) {
    errors.Invalid(path.Child("targetWWNs"), "",
                   "targetWWNs and wwids can not be specified simultaneously");
  }
  if (!has_names) return;
  if (fc.has_lun()) {
    ValidateLun(fc.lun(), path.Child("lun"), errors);
  } else {
    errors.Required(path.Child("lun"), "lun is required if targetWWNs is specified");
  }
}

void ValidateCsi(const v1::CSIVolumeSource& csi, const FieldPath& path, ErrorList& errors) {
  constexpr size_t kDriverMax = 63;
  std::string lower = AsciiLowered(csi.driver());
  if (lower.size() > kDriverMax) errors.TooLong(path.Child("driver"), kDriverMax);
  if (!lower.empty()) {
    AddReasons(errors, path.Child("driver"), csi.driver(), api::IsDNS1123Subdomain(lower));
  }
  if (csi.has_nodepublishsecretref()) {
    CheckRequired(errors, path.Child("nodePublishSecretRef", "name"),
                  csi.nodepublishsecretref().name());
  }
}

constexpr std::string_view kAccessModes[] = {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce",
                                             "ReadWriteOncePod"};
constexpr std::string_view kVolumeModes[] = {"Block", "Filesystem"};

void ValidateClaimTemplate(const v1::PersistentVolumeClaimTemplate& claim, const FieldPath& path,
                           ErrorList& errors) {
  ValidateLabelMap(claim.metadata().labels(), path.Child("metadata", "labels"), errors);
  const auto& spec = claim.spec();
  FieldPath at = path.Child("spec");
  if (spec.accessmodes_size() == 0) {
    errors.Required(at.Child("accessModes"), "at least 1 access mode is required");
  }
  for (const auto& mode : spec.accessmodes()) {
    CheckOneOf(errors, at.Child("accessModes"), mode, kAccessModes);
  }
  if (spec.has_selector()) ValidateLabelSelector(spec.selector(), at.Child("selector"), errors);
  if (!spec.resources().requests().contains("storage")) {
    errors.Required(at.Child("resources").Key("storage"));
  }
  if (spec.has_volumemode()) {
    CheckOneOf(errors, at.Child("volumeMode"), spec.volumemode(), kVolumeModes);
  }
}

void ValidateEphemeral(const v1::EphemeralVolumeSource& ephemeral, const FieldPath& path,
                       ErrorList& errors) {
  FieldPath at = path.Child("volumeClaimTemplate");
  if (!ephemeral.has_volumeclaimtemplate()) return errors.Required(at);
  ValidateClaimTemplate(ephemeral.volumeclaimtemplate(), at, errors);
}

void ValidatePartition(int32_t partition, const FieldPath& path, ErrorList& errors) {
  if (partition >= 0 && partition <= 255) return;
  errors.Invalid(path.Child("partition"), partition, api::InclusiveRangeError(1, 255));
}

}  // namespace

VolumeSourceKinds SetVolumeSources(const v1::VolumeSource& source) {
  VolumeSourceKinds kinds;
  const auto* reflection = source.GetReflection();
  for (size_t i = 0; i < kSources.size(); ++i) {
    if (reflection->HasField(source, Fields()[i])) kinds.push_back(kSources[i].name);
  }
  return kinds;
}

void ValidateStorageSource(const v1::VolumeSource& source, std::string_view kind,
                           const FieldPath& path, ErrorList& errors) {
  ValidateRequired(source, kind, path, errors);
  if (kind == "hostPath") {
    ValidateHostPath(source.hostpath(), path, errors);
  } else if (kind == "gitRepo") {
    ValidateLocalDescendingPath(source.gitrepo().directory(), path.Child("directory"), errors);
  } else if (kind == "gcePersistentDisk") {
    ValidatePartition(source.gcepersistentdisk().partition(), path, errors);
  } else if (kind == "awsElasticBlockStore") {
    ValidatePartition(source.awselasticblockstore().partition(), path, errors);
  } else if (kind == "nfs") {
    if (!source.nfs().path().starts_with('/')) {
      errors.Invalid(path.Child("path"), source.nfs().path(), "must be an absolute path");
    }
  } else if (kind == "iscsi") {
    ValidateIscsi(source.iscsi(), path, errors);
  } else if (kind == "flocker") {
    ValidateFlocker(source.flocker(), path, errors);
  } else if (kind == "fc") {
    ValidateFc(source.fc(), path, errors);
  } else if (kind == "csi") {
    ValidateCsi(source.csi(), path, errors);
  } else if (kind == "ephemeral") {
    ValidateEphemeral(source.ephemeral(), path, errors);
  }
}

}  // namespace wherry::apiserver::registry
