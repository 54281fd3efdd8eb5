#include "apiserver/registry/core/event_facts.h"

#include "lib/api/time.h"
#include "lib/api/validation.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::apiserver::registry {

namespace {

constexpr size_t kShortTextMax = 128;
constexpr size_t kMessageMax = 1024;
constexpr std::string_view kOtherNamespace = "does not match event.namespace";

void CheckText(ErrorList& errors, std::string_view field, std::string_view value, size_t max,
               bool required) {
  if (value.empty() && required) errors.Required(FieldPath(field));
  if (value.size() > max) {
    errors.Invalid(FieldPath(field), "", "can have at most " + std::to_string(max) + " characters");
  }
}

// Events without eventTime are made by clients from before events.k8s.io.
bool NamespacesAgree(const EventFacts& event) {
  std::string_view involved = event.involved_object->namespace_();
  if (event.has_event_time) {
    return !involved.empty() || event.event_namespace == "default" ||
           event.event_namespace == "kube-system";
  }
  if (involved.empty()) return event.event_namespace.empty() || event.event_namespace == "default";
  return involved == event.event_namespace;
}

template <typename Time>
bool IsZeroTime(const Time& time) {
  return (time.seconds() == 0 && time.nanos() == 0) || time.seconds() == api::kZeroTimeSeconds;
}

}  // namespace

bool IsZero(const api::meta::v1::MicroTime& time) { return IsZeroTime(time); }
bool IsZero(const api::meta::v1::Time& time) { return IsZeroTime(time); }

void ValidateEventFacts(const EventFacts& event, ErrorList& errors) {
  if (!NamespacesAgree(event)) {
    errors.Invalid(FieldPath("involvedObject").Child("namespace"),
                   event.involved_object->namespace_(), kOtherNamespace);
  }
  if (event.has_event_time) {
    FieldPath controller(event.reporting_controller_field);
    CheckRequired(errors, controller, event.reporting_controller);
    CheckQualifiedName(errors, controller, event.reporting_controller);
    CheckText(errors, "reportingInstance", event.reporting_instance, kShortTextMax, true);
    CheckText(errors, "action", event.action, kShortTextMax, true);
    CheckText(errors, "reason", event.reason, kShortTextMax, true);
    CheckText(errors, "message", event.message, kMessageMax, false);
  }
  CheckDNS1123Subdomain(errors, FieldPath("namespace"), event.event_namespace);
}

}  // namespace wherry::apiserver::registry
