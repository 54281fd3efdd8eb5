#pragma once

#include "apiserver/registry/core/field_checks.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace wherry::api::core::v1 {
class ObjectReference;
}
namespace wherry::api::meta::v1 {
class MicroTime;
class Time;
}  // namespace wherry::api::meta::v1

namespace wherry::apiserver::registry {

bool IsZero(const api::meta::v1::MicroTime& time);
bool IsZero(const api::meta::v1::Time& time);

// What the two groups' Events have in common, borrowed from one of them. Field names are those of
// core/v1, in error paths too, as upstream's are.
struct EventFacts {
  std::string_view event_namespace;
  const api::core::v1::ObjectReference* involved_object = nullptr;
  std::string_view reason;
  std::string_view message;
  std::string_view type;
  std::string_view action;
  std::string_view reporting_controller;
  std::string_view reporting_controller_field;
  std::string_view reporting_instance;
  bool has_event_time = false;
};

// Rules for events of both groups. Source: pkg/apis/core/validation/events.go.
void ValidateEventFacts(const EventFacts& event, ErrorList& errors);

}  // namespace wherry::apiserver::registry
