#include "apiserver/registry/core/name_set.h"
#include "apiserver/registry/core/pod_validation_parts.h"
#include "lib/api/validation.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::apiserver::registry {

namespace {

constexpr std::string_view kSeccompTypes[] = {"Localhost", "RuntimeDefault", "Unconfined"};
constexpr std::string_view kProcMounts[] = {"Default", "Unmasked"};
constexpr std::string_view kFSGroupChangePolicies[] = {"Always", "OnRootMismatch"};
constexpr std::string_view kSystems[] = {"linux", "windows"};
constexpr size_t kSysctlNameMax = 253;
constexpr std::string_view kSysctlError =
    "must have at most 253 characters and match regex "
    "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";

bool IsLowerAlphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// Segments of [a-z0-9], '-' and '_' inside them, separated by '.' or '/'.
bool IsSysctlName(std::string_view name) {
  if (name.empty() || name.size() > kSysctlNameMax) return false;
  bool at_edge = true;  // a segment must begin and end with a letter or digit
  for (size_t i = 0; i < name.size(); ++i) {
    char c = name[i];
    if (IsLowerAlphanumeric(c)) {
      at_edge = false;
      continue;
    }
    if (c != '-' && c != '_' && c != '.' && c != '/') return false;
    if (at_edge) return false;
    bool last = i + 1 == name.size();
    if (last) return false;
    if (c == '.' || c == '/') {
      if (!IsLowerAlphanumeric(name[i - 1])) return false;
      at_edge = true;
    }
  }
  return true;
}

void ValidateSysctls(const List<v1::Sysctl>& sysctls, const FieldPath& path, ErrorList& errors) {
  NameSet names;
  for (int i = 0; i < sysctls.size(); ++i) {
    const std::string& name = sysctls[i].name();
    FieldPath at = path.Index(i).Child("name");
    if (name.empty()) {
      errors.Required(at);
    } else if (!IsSysctlName(name)) {
      errors.Invalid(at, name, kSysctlError);
    } else if (!names.Insert(name)) {
      errors.Duplicate(at, name);
    }
  }
}

void ValidateSeccomp(const v1::SeccompProfile& profile, const FieldPath& path, ErrorList& errors) {
  FieldPath local = path.Child("localhostProfile");
  if (profile.type().empty()) {
    errors.Required(path.Child("type"), "type is required when seccompProfile is set");
  } else {
    CheckOneOf(errors, path.Child("type"), profile.type(), kSeccompTypes);
  }
  if (profile.type() != "Localhost") {
    if (profile.has_localhostprofile()) {
      errors.Invalid(local, profile.localhostprofile(),
                     "can only be set when seccomp type is Localhost");
    }
  } else if (!profile.has_localhostprofile()) {
    errors.Required(local, "must be set when seccomp type is Localhost");
  } else {
    ValidateLocalDescendingPath(profile.localhostprofile(), local, errors);
  }
}

// SecurityContext and PodSecurityContext.
template <typename Context>
void ValidateIds(const Context& context, const FieldPath& path, ErrorList& errors) {
  if (context.has_runasuser()) {
    AddReasons(errors, path.Child("runAsUser"), context.runasuser(),
               api::IsValidUserID(context.runasuser()));
  }
  if (context.has_runasgroup()) {
    AddReasons(errors, path.Child("runAsGroup"), context.runasgroup(),
               api::IsValidUserID(context.runasgroup()));
  }
}

void ForbidWindowsOptions(const v1::PodSpec& spec, const FieldPath& path, ErrorList& errors) {
  constexpr std::string_view kWhy = "windows options cannot be set for a linux pod";
  if (spec.securitycontext().has_windowsoptions()) {
    errors.Forbidden(path.Child("securityContext", "windowsOptions"), kWhy);
  }
  auto check = [&](const auto& containers, std::string_view field) {
    for (int i = 0; i < containers.size(); ++i) {
      if (!containers[i].securitycontext().has_windowsoptions()) continue;
      errors.Forbidden(path.Child(field).Index(i).Child("securityContext", "windowsOptions"), kWhy);
    }
  };
  check(spec.initcontainers(), "initContainers");
  check(spec.containers(), "containers");
}

}  // namespace

void ValidateSecurityContext(const v1::SecurityContext& context, const FieldPath& path,
                             ErrorList& errors) {
  ValidateIds(context, path, errors);
  if (context.has_procmount()) {
    CheckOneOf(errors, path.Child("procMount"), context.procmount(), kProcMounts);
  }
  if (context.has_seccompprofile()) {
    ValidateSeccomp(context.seccompprofile(), path.Child("seccompProfile"), errors);
  }
  if (!context.has_allowprivilegeescalation() || context.allowprivilegeescalation()) return;
  if (context.privileged()) {
    errors.Invalid(path, "",
                   "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
  }
  for (const auto& capability : context.capabilities().add()) {
    if (capability != "CAP_SYS_ADMIN") continue;
    errors.Invalid(path, "",
                   "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` "
                   "CAP_SYS_ADMIN");
  }
}

void ValidatePodSecurityContext(const v1::PodSpec& spec, const FieldPath& path, ErrorList& errors) {
  if (!spec.has_securitycontext()) return;
  const v1::PodSecurityContext& context = spec.securitycontext();
  if (context.has_fsgroup()) {
    AddReasons(errors, path.Child("fsGroup"), context.fsgroup(),
               api::IsValidUserID(context.fsgroup()));
  }
  ValidateIds(context, path, errors);
  for (int i = 0; i < context.supplementalgroups_size(); ++i) {
    int64_t group = context.supplementalgroups(i);
    AddReasons(errors, path.Child("supplementalGroups").Index(i), group, api::IsValidUserID(group));
  }
  if (spec.shareprocessnamespace() && spec.hostpid()) {
    errors.Invalid(path.Child("shareProcessNamespace"), true,
                   "ShareProcessNamespace and HostPID cannot both be enabled");
  }
  ValidateSysctls(context.sysctls(), path.Child("sysctls"), errors);
  if (context.has_fsgroupchangepolicy()) {
    CheckOneOf(errors, path.Child("fsGroupChangePolicy"), context.fsgroupchangepolicy(),
               kFSGroupChangePolicies);
  }
  if (context.has_seccompprofile()) {
    ValidateSeccomp(context.seccompprofile(), path.Child("seccompProfile"), errors);
  }
}

void ValidatePodOS(const v1::PodSpec& spec, const FieldPath& path, ErrorList& errors) {
  if (!spec.has_os()) return;
  if (spec.os().name().empty()) {
    errors.Required(path.Child("os", "name"), "cannot be empty");
  } else if (spec.os().name() == "linux") {
    ForbidWindowsOptions(spec, path, errors);
  } else {
    CheckOneOf(errors, path.Child("os"), spec.os().name(), kSystems);
  }
}

}  // namespace wherry::apiserver::registry
