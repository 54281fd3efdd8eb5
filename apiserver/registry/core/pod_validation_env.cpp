#include "apiserver/registry/core/pod_validation_parts.h"
#include "lib/api/quantity.h"
#include "lib/api/validation.h"
#include "lib/base/ascii.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::apiserver::registry {

namespace {

constexpr std::string_view kEnvFields[] = {"metadata.name",
                                           "metadata.namespace",
                                           "metadata.uid",
                                           "spec.nodeName",
                                           "spec.serviceAccountName",
                                           "status.hostIP",
                                           "status.hostIPs",
                                           "status.podIP",
                                           "status.podIPs"};
// What a field reference may name anywhere; each use allows some of them.
constexpr std::string_view kKnownFields[] = {
    "metadata.annotations", "metadata.labels",    "metadata.name",
    "metadata.namespace",   "metadata.uid",       "spec.nodeName",
    "spec.restartPolicy",   "spec.schedulerName", "spec.serviceAccountName",
    "status.hostIP",        "status.hostIPs",     "status.phase",
    "status.podIP",         "status.podIPs"};

constexpr std::string_view kResources[] = {
    "limits.cpu",   "limits.ephemeral-storage",   "limits.memory",
    "requests.cpu", "requests.ephemeral-storage", "requests.memory"};
constexpr std::string_view kCpuDivisors[] = {"1", "1m"};
constexpr std::string_view kByteDivisors[] = {"1",   "1k",  "1M",  "1G",  "1T",  "1P", "1E",
                                              "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"};
constexpr std::string_view kByteDivisorsText =
    "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported "
    "with the ";

template <typename Range>
bool In(std::string_view value, const Range& range) {
  return std::find(std::begin(range), std::end(range), value) != std::end(range);
}

bool IsHugePages(std::string_view resource) {
  return resource.starts_with("requests.hugepages-") || resource.starts_with("limits.hugepages-");
}

void ValidateDivisor(const v1::ResourceFieldSelector& selector, const FieldPath& path,
                     ErrorList& errors) {
  if (!selector.has_divisor() || selector.divisor().string().empty()) return;
  api::Quantity divisor = api::Quantity::From(selector.divisor());
  if (divisor.IsZero()) return;
  std::string_view resource = selector.resource();
  std::string text = divisor.String();
  auto refuse = [&](std::string_view what) {
    errors.Invalid(path.Child("divisor"), resource,
                   std::string(kByteDivisorsText) + std::string(what) + " resource");
  };
  if (resource.ends_with(".cpu")) {
    if (!In(text, kCpuDivisors)) {
      errors.Invalid(path.Child("divisor"), resource,
                     "only divisor's values 1m and 1 are supported with the cpu resource");
    }
  } else if (In(text, kByteDivisors)) {
    return;
  } else if (resource.ends_with(".memory")) {
    refuse("memory");
  } else if (resource.ends_with(".ephemeral-storage")) {
    refuse("local ephemeral storage");
  } else if (IsHugePages(resource)) {
    refuse("hugepages");
  }
}

template <typename Selector>
void ValidateKeySelector(const Selector& selector, const FieldPath& path, ErrorList& errors) {
  const std::string& name = selector.localobjectreference().name();
  AddReasons(errors, path.Child("name"), name, api::NameIsDNSSubdomain(name, false));
  if (selector.key().empty()) {
    errors.Required(path.Child("key"));
  } else {
    AddReasons(errors, path.Child("key"), selector.key(), api::IsConfigMapKey(selector.key()));
  }
}

void ValidateValueFrom(const v1::EnvVar& variable, const FieldPath& path, ErrorList& errors) {
  const v1::EnvVarSource& source = variable.valuefrom();
  int sources = 0;
  if (source.has_fieldref()) {
    ++sources;
    ValidateFieldSelector(source.fieldref(), kEnvFields, path.Child("fieldRef"), errors);
  }
  if (source.has_resourcefieldref()) {
    ++sources;
    ValidateResourceSelector(source.resourcefieldref(), false, path.Child("resourceFieldRef"),
                             errors);
  }
  if (source.has_configmapkeyref()) {
    ++sources;
    ValidateKeySelector(source.configmapkeyref(), path.Child("configMapKeyRef"), errors);
  }
  if (source.has_secretkeyref()) {
    ++sources;
    ValidateKeySelector(source.secretkeyref(), path.Child("secretKeyRef"), errors);
  }
  if (sources == 0) {
    errors.Invalid(path, "",
                   "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or "
                   "`secretKeyRef`");
  } else if (!variable.value().empty()) {
    errors.Invalid(path, "", "may not be specified when `value` is not empty");
  } else if (sources > 1) {
    errors.Invalid(path, "", "may not have more than one field specified at a time");
  }
}

template <typename Source>
void ValidateEnvSource(const Source& source, const FieldPath& path, ErrorList& errors) {
  const std::string& name = source.localobjectreference().name();
  if (name.empty()) return errors.Required(path.Child("name"));
  AddReasons(errors, path.Child("name"), name, api::NameIsDNSSubdomain(name, true));
}

// metadata.labels['key'] and metadata.annotations['key']; whether it has that form.
bool ValidateSubscript(std::string_view field, const FieldPath& path, ErrorList& errors) {
  if (!field.ends_with("']")) return false;
  size_t open = field.find("['");
  if (open == std::string_view::npos) return false;
  std::string_view base = field.substr(0, open);
  std::string_view key = field.substr(open + 2, field.size() - open - 4);
  if (base == "metadata.annotations") {
    CheckQualifiedName(errors, path, AsciiLowered(key));
  } else if (base == "metadata.labels") {
    CheckQualifiedName(errors, path, key);
  } else {
    errors.Invalid(path.Child("fieldPath"), field,
                   "error converting fieldPath: field label does not support subscript");
  }
  return true;
}

}  // namespace

void ValidateFieldSelector(const v1::ObjectFieldSelector& selector,
                           std::span<const std::string_view> allowed, const FieldPath& path,
                           ErrorList& errors) {
  if (selector.apiversion().empty()) return errors.Required(path.Child("apiVersion"));
  if (selector.fieldpath().empty()) return errors.Required(path.Child("fieldPath"));
  std::string_view field = selector.fieldpath();
  if (selector.apiversion() != "v1") {
    errors.Invalid(path.Child("fieldPath"), field,
                   "error converting fieldPath: unsupported pod version: " + selector.apiversion());
    return;
  }
  if (In(field, allowed) || ValidateSubscript(field, path, errors)) {
    if (field == "status.hostIPs") {
      errors.Forbidden(path, "may not be set when feature gate 'PodHostIPs' is not enabled");
    }
    return;
  }
  if (!In(field, kKnownFields)) {
    errors.Invalid(path.Child("fieldPath"), field,
                   "error converting fieldPath: field label not supported: " + std::string(field));
    return;
  }
  CheckOneOf(errors, path.Child("fieldPath"), field, allowed);
}

void ValidateResourceSelector(const v1::ResourceFieldSelector& selector, bool needs_container,
                              const FieldPath& path, ErrorList& errors) {
  if (needs_container && selector.containername().empty()) {
    errors.Required(path.Child("containerName"));
  } else if (selector.resource().empty()) {
    errors.Required(path.Child("resource"));
  } else if (!IsHugePages(selector.resource())) {
    CheckOneOf(errors, path.Child("resource"), selector.resource(), kResources);
  }
  ValidateDivisor(selector, path, errors);
}

void ValidateEnv(const List<v1::EnvVar>& variables, const FieldPath& path, ErrorList& errors) {
  for (int i = 0; i < variables.size(); ++i) {
    const v1::EnvVar& variable = variables[i];
    FieldPath at = path.Index(i);
    if (variable.name().empty()) {
      errors.Required(at.Child("name"));
    } else {
      AddReasons(errors, at.Child("name"), variable.name(), api::IsEnvVarName(variable.name()));
    }
    if (variable.has_valuefrom()) ValidateValueFrom(variable, at.Child("valueFrom"), errors);
  }
}

void ValidateEnvFrom(const List<v1::EnvFromSource>& sources, const FieldPath& path,
                     ErrorList& errors) {
  for (int i = 0; i < sources.size(); ++i) {
    const v1::EnvFromSource& source = sources[i];
    FieldPath at = path.Index(i);
    if (!source.prefix().empty()) {
      AddReasons(errors, at.Child("prefix"), source.prefix(), api::IsEnvVarName(source.prefix()));
    }
    if (source.has_configmapref()) {
      ValidateEnvSource(source.configmapref(), at.Child("configMapRef"), errors);
    }
    if (source.has_secretref()) {
      ValidateEnvSource(source.secretref(), at.Child("secretRef"), errors);
    }
    if (!source.has_configmapref() && !source.has_secretref()) {
      errors.Invalid(path, "", "must specify one of: `configMapRef` or `secretRef`");
    } else if (source.has_configmapref() && source.has_secretref()) {
      errors.Invalid(path, "", "may not have more than one field specified at a time");
    }
  }
}

}  // namespace wherry::apiserver::registry
