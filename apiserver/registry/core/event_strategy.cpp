#include "apiserver/registry/core/event_facts.h"
#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/printing.h"
#include "apiserver/registry/core/strategies.h"
#include "lib/api/time.h"
#include "lib/api/validation.h"
#include "lib/base/ascii.h"
#include "proto/api/core/v1.pb.h"

#include <array>

// Source: pkg/registry/core/event.
namespace wherry::apiserver::registry::core {

using api::core::v1::Event;

namespace {

constexpr std::array<TableColumn, 10> kColumns = {
    TableColumn{.name = "Last Seen", .description = "When it happened last."},
    TableColumn{.name = "Type", .description = "Normal or Warning."},
    TableColumn{.name = "Reason", .description = "Why it happened, in one word."},
    TableColumn{.name = "Object", .description = "What it happened to."},
    TableColumn{.name = "Subobject", .description = "The part that it happened to.", .priority = 1},
    TableColumn{.name = "Source", .description = "Who reports it.", .priority = 1},
    TableColumn{.name = "Message", .description = "What happened."},
    TableColumn{.name = "First Seen", .description = "When it happened first.", .priority = 1},
    TableColumn{.name = "Count", .description = "How often it happened.", .priority = 1},
    TableColumn{
        .name = "Name", .format = "name", .description = "Name of the event.", .priority = 1}};

std::string MicroTimeSince(const api::meta::v1::MicroTime& time, WallTime now) {
  return IsZero(time) ? "<unknown>" : Age(api::ToWallClock(time), now);
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\n\r\v\f";
  size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return "";
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

std::string SourceText(const Event& event) {
  const auto& source = event.source();
  const std::string& component =
      source.component().empty() ? event.reportingcomponent() : source.component();
  const std::string& instance = source.host().empty() ? event.reportinginstance() : source.host();
  return instance.empty() ? component : component + ", " + instance;
}

TableRow EventRow(const Event& event, WallTime now) {
  const auto& object = event.involvedobject();
  std::string first = IsZero(event.firsttimestamp()) ? MicroTimeSince(event.eventtime(), now)
                                                     : TimeSince(event.firsttimestamp(), now);
  std::string last = IsZero(event.lasttimestamp()) ? first : TimeSince(event.lasttimestamp(), now);
  int64_t count = event.count() == 0 ? 1 : event.count();
  if (event.has_series()) {
    last = MicroTimeSince(event.series().lastobservedtime(), now);
    count = event.series().count();
  }
  std::string target = AsciiLowered(object.kind());
  if (!object.name().empty()) target += "/" + object.name();
  return {.cells = {StringCell(last), StringCell(event.type()), StringCell(event.reason()),
                    StringCell(target), StringCell(object.fieldpath()),
                    StringCell(SourceText(event)), StringCell(Trim(event.message())),
                    StringCell(first), IntegerCell(count), NameCell(event.metadata())}};
}

class EventStrategy : public KindStrategy<Event> {
 public:
  ErrorList Validate(const Context&, const Message& object) const override {
    const Event& event = Typed<Event>(object);
    ErrorList errors;
    ValidateEventFacts({.event_namespace = event.metadata().namespace_(),
                        .involved_object = &event.involvedobject(),
                        .reason = event.reason(),
                        .message = event.message(),
                        .type = event.type(),
                        .action = event.action(),
                        .reporting_controller = event.reportingcomponent(),
                        .reporting_controller_field = "reportingComponent",
                        .reporting_instance = event.reportinginstance(),
                        .has_event_time = !IsZero(event.eventtime())},
                       errors);
    return errors;
  }

  ErrorList ValidateUpdate(const Context& context, const Message& object,
                           const Message&) const override {
    return Validate(context, object);
  }

  std::vector<std::string> ValidateName(std::string_view name, bool) const override {
    return api::IsValidPathSegmentName(name);
  }

  bool AllowCreateOnUpdate() const override { return true; }

  std::vector<storage::SelectableField> SelectableFields() const override {
    return {{"involvedObject.kind", ""},
            {"involvedObject.namespace", ""},
            {"involvedObject.name", ""},
            {"involvedObject.uid", ""},
            {"involvedObject.apiVersion", ""},
            {"involvedObject.resourceVersion", ""},
            {"involvedObject.fieldPath", ""},
            {"reason", ""},
            {"reportingComponent", ""},
            {"type", ""},
            {"source", "", "source.component", "reportingComponent"}};
  }

  const TablePrinter& Printer() const override { return EventPrinter(); }
};

}  // namespace

const TablePrinter& EventPrinter() {
  static constexpr RowPrinter<Event> kPrinter(kColumns, EventRow);
  return kPrinter;
}

std::unique_ptr<Strategy> MakeEventStrategy() { return std::make_unique<EventStrategy>(); }

}  // namespace wherry::apiserver::registry::core
