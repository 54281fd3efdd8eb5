#include "nodeagent/volumes/payload.h"

#include "proto/api/core/v1.pb.h"

#include <optional>

namespace wherry::nodeagent::volumes {

namespace {

using api::core::v1::Pod;

constexpr int kDefaultMode = 0644;

template <typename Source>
uint32_t DefaultMode(const Source& source) {
  return static_cast<uint32_t>(source.has_defaultmode() ? source.defaultmode() : kDefaultMode);
}

template <typename Items>
Status Choose(const std::map<std::string, std::string>& data, const Items& items, uint32_t mode,
              bool optional, std::string_view kind, Payload* payload) {
  if (items.empty()) {
    for (const auto& [key, value] : data) (*payload)[key] = FileProjection{value, mode};
    return Ok();
  }
  for (const auto& item : items) {
    auto found = data.find(item.key());
    if (found == data.end()) {
      if (optional) continue;
      return MakeError(Reason::kNotFound,
                       "references non-existent " + std::string(kind) + " key: " + item.key());
    }
    const uint32_t item_mode = item.has_mode() ? static_cast<uint32_t>(item.mode()) : mode;
    (*payload)[item.path()] = FileProjection{found->second, item_mode};
  }
  return Ok();
}

template <typename Source>
Status AddConfigMap(const std::string& ns, const std::string& name, const Source& source,
                    uint32_t mode, const ObjectSource& objects, Payload* payload) {
  auto found = objects.ConfigMap(ns, name);
  if (!found.ok()) {
    if (source.optional() && found.error().reason == Reason::kNotFound) return Ok();
    return std::move(found).error();
  }
  const auto& object = **found;
  std::map<std::string, std::string> data(object.data().begin(), object.data().end());
  data.insert(object.binarydata().begin(), object.binarydata().end());
  return Choose(data, source.items(), mode, source.optional(), "config", payload);
}

template <typename Source>
Status AddSecret(const std::string& ns, const std::string& name, const Source& source,
                 uint32_t mode, const ObjectSource& objects, Payload* payload) {
  auto found = objects.Secret(ns, name);
  if (!found.ok()) {
    if (source.optional() && found.error().reason == Reason::kNotFound) return Ok();
    return std::move(found).error();
  }
  const std::map<std::string, std::string> data((*found)->data().begin(), (*found)->data().end());
  return Choose(data, source.items(), mode, source.optional(), "secret", payload);
}

template <typename Items>
Status AddDownward(const Pod& pod, const Items& items, uint32_t mode,
                   const DownwardContext& context, Payload* payload) {
  for (const auto& item : items) {
    FileProjection file;
    file.mode = item.has_mode() ? static_cast<uint32_t>(item.mode()) : mode;
    if (item.has_fieldref()) {
      TRY(file.data, FieldRefValue(pod, context, item.fieldref().fieldpath()));
    } else if (item.has_resourcefieldref()) {
      const api::core::v1::Container* container = nullptr;
      const std::string& name = item.resourcefieldref().containername();
      for (const auto& candidate : pod.spec().containers())
        if (candidate.name() == name) container = &candidate;
      for (const auto& candidate : pod.spec().initcontainers())
        if (candidate.name() == name) container = &candidate;
      if (!container) return MakeError(Reason::kInvalid, "container " + name + " not found");
      TRY(file.data, ResourceFieldRefValue(item.resourcefieldref(), *container, context));
    }
    (*payload)[item.path()] = std::move(file);
  }
  return Ok();
}

// The user that all of the pod's containers run as; -1 when they differ or one leaves it open.
// Source: pkg/volume/util FsUserFrom.
int64_t CommonUser(const Pod& pod) {
  std::optional<int64_t> common;
  auto agrees = [&](const api::core::v1::Container& container) {
    const auto& own = container.securitycontext();
    const auto& shared = pod.spec().securitycontext();
    if (!own.has_runasuser() && !shared.has_runasuser()) return false;
    const int64_t user = own.has_runasuser() ? own.runasuser() : shared.runasuser();
    if (!common) common = user;
    return *common == user;
  };
  for (const auto& container : pod.spec().initcontainers())
    if (!agrees(container)) return -1;
  for (const auto& container : pod.spec().containers())
    if (!agrees(container)) return -1;
  return common.value_or(-1);
}

// A token is for its owner alone where somebody else than root could own it; a group's right to
// read comes with fsGroup.
Result<FileProjection> TokenFile(const Pod& pod,
                                 const api::core::v1::ServiceAccountTokenProjection& source,
                                 uint32_t mode, const ObjectSource& objects) {
  constexpr uint32_t kOwnerOnly = 0600;
  FileProjection file;
  TRY(file.data, objects.ServiceAccountToken(pod, source));
  file.user = CommonUser(pod);
  const bool has_owner = file.user >= 0 || pod.spec().securitycontext().has_fsgroup();
  file.mode = has_owner ? kOwnerOnly : mode;
  return file;
}

Status AddProjection(const Pod& pod, const api::core::v1::VolumeProjection& source, uint32_t mode,
                     const DownwardContext& context, const ObjectSource& objects,
                     Payload* payload) {
  const std::string& ns = pod.metadata().namespace_();
  if (source.has_configmap())
    return AddConfigMap(ns, source.configmap().localobjectreference().name(), source.configmap(),
                        mode, objects, payload);
  if (source.has_secret())
    return AddSecret(ns, source.secret().localobjectreference().name(), source.secret(), mode,
                     objects, payload);
  if (source.has_downwardapi())
    return AddDownward(pod, source.downwardapi().items(), mode, context, payload);
  if (source.has_serviceaccounttoken()) {
    const auto& from = source.serviceaccounttoken();
    TRY((*payload)[from.path()], TokenFile(pod, from, mode, objects));
  }
  return Ok();
}

}  // namespace

bool IsProjection(const api::core::v1::Volume& volume) {
  const auto& source = volume.volumesource();
  return source.has_configmap() || source.has_secret() || source.has_downwardapi() ||
         source.has_projected();
}

Result<Payload> ProjectVolume(const Pod& pod, const api::core::v1::Volume& volume,
                              const DownwardContext& context, const ObjectSource& objects) {
  Payload payload;
  const auto& source = volume.volumesource();
  const std::string& ns = pod.metadata().namespace_();
  if (source.has_configmap()) {
    const auto& from = source.configmap();
    TRY_STATUS(AddConfigMap(ns, from.localobjectreference().name(), from, DefaultMode(from),
                            objects, &payload));
  } else if (source.has_secret()) {
    const auto& from = source.secret();
    TRY_STATUS(AddSecret(ns, from.secretname(), from, DefaultMode(from), objects, &payload));
  } else if (source.has_downwardapi()) {
    const auto& from = source.downwardapi();
    TRY_STATUS(AddDownward(pod, from.items(), DefaultMode(from), context, &payload));
  } else if (source.has_projected()) {
    for (const auto& part : source.projected().sources())
      TRY_STATUS(
          AddProjection(pod, part, DefaultMode(source.projected()), context, objects, &payload));
  }
  return payload;
}

}  // namespace wherry::nodeagent::volumes
