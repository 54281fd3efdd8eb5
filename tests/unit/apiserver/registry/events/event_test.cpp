#include "apiserver/registry/events/event_strategy.h"
#include "tests/unit/apiserver/registry/core/strategy_case.h"

#include <gtest/gtest.h>

namespace wherry::apiserver::registry {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

json Event() {
  return json::parse(R"({
    "metadata": {"name": "web.1", "namespace": "default"},
    "regarding": {"kind": "Pod", "name": "web", "namespace": "default"},
    "eventTime": "2023-11-14T22:13:10.000000Z", "type": "Normal", "action": "Binding",
    "reason": "Scheduled", "note": "assigned", "reportingController": "default-scheduler",
    "reportingInstance": "default-scheduler-n1"})");
}

TEST(EventsEvent, NewEventsAreStrict) {
  auto strategy = events::MakeEventStrategy();
  EXPECT_THAT(CreateErrors(*strategy, Event()), IsEmpty());
  EXPECT_THAT(CreateErrors(*strategy, With(Event(), "/type", "Loud")),
              ElementsAre(R"(type: Invalid value: "": has invalid value: Loud)"));
  EXPECT_THAT(CreateErrors(*strategy, With(Event(), "/deprecatedCount", 2)),
              ElementsAre(R"(count: Invalid value: "": needs to be unset)"));
  EXPECT_THAT(CreateErrors(*strategy, With(Event(), "/series", {{"count", 1}})),
              ElementsAre(R"(series.count: Invalid value: "": should be at least 2)",
                          "series.lastObservedTime: Required value"));
}

TEST(EventsEvent, OnlyTheSeriesGrows) {
  auto strategy = events::MakeEventStrategy();
  json series = {{"count", 2}, {"lastObservedTime", "2023-11-14T22:13:20.000000Z"}};
  EXPECT_THAT(UpdateErrors(*strategy, *strategy, Event(), With(Event(), "/series", series)),
              IsEmpty());
  EXPECT_THAT(UpdateErrors(*strategy, *strategy, Event(), With(Event(), "/note", "other")),
              ElementsAre(R"(message: Invalid value: "other": field is immutable)"));
}

}  // namespace
}  // namespace wherry::apiserver::registry
