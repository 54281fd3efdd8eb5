#include "apiserver/registry/core/name_set.h"
#include "apiserver/registry/core/pod_validation.h"
#include "apiserver/registry/core/pod_validation_parts.h"
#include "lib/api/validation.h"
#include "proto/api/core/v1.pb.h"

// Source: pkg/apis/core/validation ValidatePodStatusUpdate.
namespace wherry::apiserver::registry {

using api::core::v1::ContainerStatus;
using api::core::v1::Pod;

namespace {

// A container that ended for good stays ended.
void ValidateTransitions(const List<ContainerStatus>& statuses, const List<ContainerStatus>& old,
                         std::string_view restart_policy, const FieldPath& path,
                         ErrorList& errors) {
  if (restart_policy == "Always") return;
  for (int i = 0; i < old.size(); ++i) {
    if (!old[i].state().has_terminated()) continue;
    if (restart_policy == "OnFailure" && old[i].state().terminated().exitcode() != 0) continue;
    for (const auto& status : statuses) {
      if (status.name() == old[i].name() && !status.state().has_terminated()) {
        errors.Forbidden(path.Index(i).Child("state"),
                         "may not be transitioned to non-terminated state");
      }
    }
  }
}

// At most one address of each family.
template <typename Addresses>
void ValidateAddresses(const Addresses& addresses, const FieldPath& path, ErrorList& errors) {
  NameSet seen;
  int ipv4 = 0;
  int ipv6 = 0;
  for (int i = 0; i < addresses.size(); ++i) {
    const std::string& ip = addresses[i].ip();
    AddReasons(errors, path.Index(i), ip, api::IsValidIP(ip));
    ipv4 += api::IsIPv4(ip) ? 1 : 0;
    ipv6 += api::IsIPv6(ip) ? 1 : 0;
    if (!seen.Insert(ip)) errors.Duplicate(path.Index(i), ip);
  }
  if (ipv4 > 1 || ipv6 > 1) {
    errors.Invalid(path, "", "may specify no more than one IP for each IP family");
  }
}

void ValidateConditions(const Pod& pod, ErrorList& errors) {
  // Upstream reports these below metadata.
  FieldPath path = FieldPath("metadata").Child("conditions");
  for (int i = 0; i < pod.status().conditions_size(); ++i) {
    const std::string& type = pod.status().conditions(i).type();
    if (type == "PodScheduled" || type == "Ready" || type == "Initialized") continue;
    CheckQualifiedName(errors, path.Index(i).Child("Type"), type);
  }
}

}  // namespace

ErrorList ValidatePodStatusUpdate(const Pod& pod, const Pod& old) {
  ErrorList errors;
  ValidatePodAnnotationsUpdate(pod, old, errors);
  ValidateConditions(pod, errors);
  FieldPath path("status");
  const auto& status = pod.status();
  const auto& before = old.status();
  if (status.nominatednodename() != before.nominatednodename() &&
      !status.nominatednodename().empty()) {
    AddReasons(errors, path.Child("nominatedNodeName"), status.nominatednodename(),
               api::NameIsDNSSubdomain(status.nominatednodename(), false));
  }
  const std::string& policy = old.spec().restartpolicy();
  ValidateTransitions(status.containerstatuses(), before.containerstatuses(), policy,
                      path.Child("containerStatuses"), errors);
  ValidateTransitions(status.initcontainerstatuses(), before.initcontainerstatuses(), policy,
                      path.Child("initContainerStatuses"), errors);
  ValidateTransitions(status.ephemeralcontainerstatuses(), before.ephemeralcontainerstatuses(),
                      "Never", path.Child("ephemeralContainerStatuses"), errors);
  ValidateAddresses(status.podips(), path.Child("podIPs"), errors);
  ValidateAddresses(status.hostips(), path.Child("hostIPs"), errors);
  if (status.hostips_size() > 0 && status.hostips(0).ip() != status.hostip()) {
    errors.Invalid(path.Child("hostIPs").Index(0).Child("ip"), status.hostips(0).ip(),
                   "must be equal to `hostIP`");
  }
  return errors;
}

}  // namespace wherry::apiserver::registry
