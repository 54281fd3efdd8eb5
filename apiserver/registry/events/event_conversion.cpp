#include "apiserver/registry/events/event_conversion.h"

#include "proto/api/core/v1.pb.h"
#include "proto/api/events/v1.pb.h"

namespace wherry::apiserver::registry::events {

using CoreEvent = api::core::v1::Event;
using api::events::v1::Event;

namespace {

template <typename To, typename From>
void CopySeries(const From& from, To& to) {
  if (!from.has_series()) return;
  auto& series = *to.mutable_series();
  if (from.series().has_count()) series.set_count(from.series().count());
  if (from.series().has_lastobservedtime())
    *series.mutable_lastobservedtime() = from.series().lastobservedtime();
}

// What has the same name in both.
template <typename To, typename From>
void CopyShared(const From& from, To& to) {
  if (from.has_metadata()) *to.mutable_metadata() = from.metadata();
  if (from.has_eventtime()) *to.mutable_eventtime() = from.eventtime();
  if (from.has_reportinginstance()) to.set_reportinginstance(from.reportinginstance());
  if (from.has_action()) to.set_action(from.action());
  if (from.has_reason()) to.set_reason(from.reason());
  if (from.has_type()) to.set_type(from.type());
  if (from.has_related()) *to.mutable_related() = from.related();
  CopySeries(from, to);
}

}  // namespace

CoreEvent ToCore(const Event& event) {
  CoreEvent core;
  CopyShared(event, core);
  if (event.has_regarding()) *core.mutable_involvedobject() = event.regarding();
  if (event.has_note()) core.set_message(event.note());
  if (event.has_reportingcontroller()) core.set_reportingcomponent(event.reportingcontroller());
  if (event.has_deprecatedsource()) *core.mutable_source() = event.deprecatedsource();
  if (event.has_deprecatedfirsttimestamp())
    *core.mutable_firsttimestamp() = event.deprecatedfirsttimestamp();
  if (event.has_deprecatedlasttimestamp())
    *core.mutable_lasttimestamp() = event.deprecatedlasttimestamp();
  if (event.has_deprecatedcount()) core.set_count(event.deprecatedcount());
  return core;
}

Event FromCore(const CoreEvent& core) {
  Event event;
  CopyShared(core, event);
  if (core.has_involvedobject()) *event.mutable_regarding() = core.involvedobject();
  if (core.has_message()) event.set_note(core.message());
  if (core.has_reportingcomponent()) event.set_reportingcontroller(core.reportingcomponent());
  if (core.has_source()) *event.mutable_deprecatedsource() = core.source();
  if (core.has_firsttimestamp()) *event.mutable_deprecatedfirsttimestamp() = core.firsttimestamp();
  if (core.has_lasttimestamp()) *event.mutable_deprecatedlasttimestamp() = core.lasttimestamp();
  if (core.has_count()) event.set_deprecatedcount(core.count());
  return event;
}

}  // namespace wherry::apiserver::registry::events
