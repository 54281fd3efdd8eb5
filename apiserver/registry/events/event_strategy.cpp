#include "apiserver/registry/events/event_strategy.h"

#include "apiserver/registry/core/event_facts.h"
#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/printing.h"
#include "apiserver/registry/core/strategies.h"
#include "apiserver/registry/events/event_conversion.h"
#include "lib/api/time.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/events/v1.pb.h"

#include <array>

// Source: pkg/registry/core/event, pkg/apis/core/validation/events.go (requests of
// events.k8s.io/v1 are held to more than those of core/v1). Stored as core/v1, as upstream's are.
namespace wherry::apiserver::registry::events {

using CoreEvent = api::core::v1::Event;
using api::events::v1::Event;

namespace {

EventFacts FactsOf(const Event& event) {
  return {.event_namespace = event.metadata().namespace_(),
          .involved_object = &event.regarding(),
          .reason = event.reason(),
          .message = event.note(),
          .type = event.type(),
          .action = event.action(),
          .reporting_controller = event.reportingcontroller(),
          .reporting_controller_field = "reportingController",
          .reporting_instance = event.reportinginstance(),
          .has_event_time = !IsZero(event.eventtime())};
}

void ValidateSeries(const Event& event, ErrorList& errors) {
  if (!event.has_series()) return;
  FieldPath path("series");
  if (event.series().count() < 2) {
    errors.Invalid(path.Child("count"), "", "should be at least 2");
  }
  if (IsZero(event.series().lastobservedtime())) errors.Required(path.Child("lastObservedTime"));
}

void CheckSame(const Message& value, const Message& old, std::string_view field,
               ErrorList& errors) {
  if (SemanticEqual(value, old)) return;
  errors.Invalid(FieldPath(field), api::field::BadValue::Raw(value.ShortDebugString()),
                 kFieldIsImmutable);
}

class StoredAsCore : public StoredForm {
 public:
  const api::KindInfo& kind() const override { return api::KindOf<CoreEvent>(); }
  std::unique_ptr<Message> ToStored(const Message& object) const override {
    return std::make_unique<CoreEvent>(ToCore(Typed<Event>(object)));
  }
  std::unique_ptr<Message> FromStored(const Message& stored) const override {
    return std::make_unique<Event>(FromCore(Typed<CoreEvent>(stored)));
  }
};

// The same table for both groups.
class EventPrinter : public TablePrinter {
 public:
  std::span<const TableColumn> Columns() const override { return core::EventPrinter().Columns(); }
  TableRow Row(const Message& object, WallTime now) const override {
    return core::EventPrinter().Row(ToCore(Typed<Event>(object)), now);
  }
};

class EventStrategy : public KindStrategy<Event> {
 public:
  ErrorList Validate(const Context&, const Message& object) const override {
    const Event& event = Typed<Event>(object);
    ErrorList errors;
    ValidateEventFacts(FactsOf(event), errors);
    ValidateSeries(event, errors);
    if (IsZero(event.eventtime())) errors.Required(FieldPath("eventTime"));
    if (event.type() != "Normal" && event.type() != "Warning") {
      errors.Invalid(FieldPath("type"), "", "has invalid value: " + event.type());
    }
    auto must_be_unset = [&errors](std::string_view field, bool is_set) {
      if (is_set) errors.Invalid(FieldPath(field), "", "needs to be unset");
    };
    const auto& source = event.deprecatedsource();
    must_be_unset("firstTimestamp", !IsZero(event.deprecatedfirsttimestamp()));
    must_be_unset("lastTimestamp", !IsZero(event.deprecatedlasttimestamp()));
    must_be_unset("count", event.deprecatedcount() != 0);
    must_be_unset("source", !source.component().empty() || !source.host().empty());
    return errors;
  }

  ErrorList ValidateUpdate(const Context&, const Message& object,
                           const Message& old) const override {
    const Event& event = Typed<Event>(object);
    const Event& before = Typed<Event>(old);
    ErrorList errors;
    ValidateEventFacts(FactsOf(event), errors);
    if (!SemanticEqual(event.series(), before.series())) ValidateSeries(event, errors);
    CheckSame(event.regarding(), before.regarding(), "involvedObject", errors);
    CheckImmutable(errors, FieldPath("reason"), event.reason(), before.reason());
    CheckImmutable(errors, FieldPath("message"), event.note(), before.note());
    CheckSame(event.deprecatedsource(), before.deprecatedsource(), "source", errors);
    if (event.deprecatedcount() != before.deprecatedcount()) {
      errors.Invalid(FieldPath("count"), event.deprecatedcount(), kFieldIsImmutable);
    }
    CheckImmutable(errors, FieldPath("type"), event.type(), before.type());
    if (api::ToWallClock(event.eventtime()) != api::ToWallClock(before.eventtime())) {
      errors.Invalid(FieldPath("eventTime"),
                     api::FormatMicroTime(api::ToWallClock(event.eventtime())), kFieldIsImmutable);
    }
    CheckImmutable(errors, FieldPath("action"), event.action(), before.action());
    CheckSame(event.related(), before.related(), "related", errors);
    CheckImmutable(errors, FieldPath("reportingController"), event.reportingcontroller(),
                   before.reportingcontroller());
    CheckImmutable(errors, FieldPath("reportingInstance"), event.reportinginstance(),
                   before.reportinginstance());
    return errors;
  }

  bool AllowCreateOnUpdate() const override { return true; }

  std::vector<storage::SelectableField> SelectableFields() const override {
    return {{"regarding.kind", "", "involvedObject.kind"},
            {"regarding.namespace", "", "involvedObject.namespace"},
            {"regarding.name", "", "involvedObject.name"},
            {"regarding.uid", "", "involvedObject.uid"},
            {"regarding.apiVersion", "", "involvedObject.apiVersion"},
            {"regarding.resourceVersion", "", "involvedObject.resourceVersion"},
            {"regarding.fieldPath", "", "involvedObject.fieldPath"},
            {"reportingController", "", "reportingComponent"},
            {"reason", ""},
            {"type", ""}};
  }

  const StoredForm* stored_form() const override { return &stored_form_; }

  const TablePrinter& Printer() const override {
    static const EventPrinter printer;
    return printer;
  }

 private:
  StoredAsCore stored_form_;
};

}  // namespace

std::unique_ptr<Strategy> MakeEventStrategy() { return std::make_unique<EventStrategy>(); }

}  // namespace wherry::apiserver::registry::events
