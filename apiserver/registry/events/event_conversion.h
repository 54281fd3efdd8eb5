#pragma once

namespace wherry::api::core::v1 {
class Event;
}
namespace wherry::api::events::v1 {
class Event;
}

// The two groups' forms of one event: different names for the same fields, so that nothing is lost
// either way. Source: pkg/apis/events/v1/conversion.go.
namespace wherry::apiserver::registry::events {

api::core::v1::Event ToCore(const api::events::v1::Event& event);
api::events::v1::Event FromCore(const api::core::v1::Event& event);

}  // namespace wherry::apiserver::registry::events
