#include "lib/client/event_recorder.h"

#include "lib/api/codec.h"
#include "lib/http/in_process.h"
#include "lib/telemetry/log.h"
#include "proto/api/core/v1.pb.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace wherry::client {
namespace {

namespace core = api::core::v1;
using std::chrono::seconds;

// Keeps created events and the patches of their counts.
class EventStore : public http::Handler {
 public:
  Task<http::Response> Handle(http::Request request) override {
    http::Response response;
    if (failures > 0) {
      --failures;
      response.status = failure_status;
      co_return response;
    }
    core::Event event;
    if (request.method == "POST") {
      const auto envelope = api::ParseEnvelope(request.body);
      CHECK_OK(envelope);
      CHECK(event.ParseFromArray(envelope->raw.data(), static_cast<int>(envelope->raw.size())));
      created.push_back(event);
    } else {
      patches.push_back(request.target + " " + request.body);
    }
    response.body = api::ToProtobuf(event);
    co_return response;
  }
  std::vector<core::Event> created;
  std::vector<std::string> patches;
  int failures = 0;
  int failure_status = 503;
};

class EventRecorderTest : public testing::Test {
 protected:
  EventRecorderTest() {
    pod_.mutable_metadata()->set_name("web");
    pod_.mutable_metadata()->set_namespace_("shop");
    pod_.mutable_metadata()->set_uid("u1");
    pod_.mutable_metadata()->set_resourceversion("5");
  }
  SimWorld world_{1};
  telemetry::LogCapture logs_;
  EventStore store_;
  http::InProcessRoundTripper transport_{store_};
  ApiClient client_{world_.world().loop, transport_, {}};
  EventRecorder recorder_{world_.world(), client_, "kubelet", "n1"};
  core::Pod pod_;
};

TEST_F(EventRecorderTest, AnEventSaysWhatWhereAndWho) {
  recorder_.Event(pod_, "Normal", "Started", "Started container web", "spec.containers{web}");
  world_.Settle();
  ASSERT_EQ(store_.created.size(), 1U);
  const core::Event& event = store_.created[0];
  EXPECT_EQ(event.metadata().namespace_(), "shop");
  EXPECT_TRUE(event.metadata().name().starts_with("web."));
  EXPECT_EQ(event.involvedobject().kind(), "Pod");
  EXPECT_EQ(event.involvedobject().apiversion(), "v1");
  EXPECT_EQ(event.involvedobject().uid(), "u1");
  EXPECT_EQ(event.involvedobject().fieldpath(), "spec.containers{web}");
  EXPECT_EQ(event.type(), "Normal");
  EXPECT_EQ(event.reason(), "Started");
  EXPECT_EQ(event.message(), "Started container web");
  EXPECT_EQ(event.source().component(), "kubelet");
  EXPECT_EQ(event.source().host(), "n1");
  EXPECT_EQ(event.count(), 1);
  EXPECT_EQ(event.firsttimestamp().seconds(), event.lasttimestamp().seconds());
}

TEST_F(EventRecorderTest, EventsOfClusterScopedObjectsGoToDefault) {
  core::Node node;
  node.mutable_metadata()->set_name("n1");
  recorder_.Event(node, "Normal", "Starting", "Starting");
  world_.Settle();
  ASSERT_EQ(store_.created.size(), 1U);
  EXPECT_EQ(store_.created[0].metadata().namespace_(), "default");
  EXPECT_FALSE(store_.created[0].involvedobject().has_namespace_());
}

TEST_F(EventRecorderTest, RepeatsAreCountedForTenMinutes) {
  for (int i = 0; i < 3; ++i) {
    recorder_.Event(pod_, "Warning", "BackOff", "Back-off restarting");
    world_.Advance(seconds(60));
  }
  recorder_.Event(pod_, "Warning", "BackOff", "another message");
  world_.Settle();
  ASSERT_EQ(store_.created.size(), 2U);
  ASSERT_EQ(store_.patches.size(), 2U);
  const std::string path = "/api/v1/namespaces/shop/events/" + store_.created[0].metadata().name();
  EXPECT_TRUE(store_.patches[0].starts_with(path + R"( {"count":2,"lastTimestamp":"20)"))
      << store_.patches[0];
  EXPECT_TRUE(store_.patches[1].starts_with(path + R"( {"count":3,)")) << store_.patches[1];
  world_.Advance(seconds(601));
  recorder_.Event(pod_, "Warning", "BackOff", "Back-off restarting");
  world_.Settle();
  EXPECT_EQ(store_.created.size(), 3U);
}

TEST_F(EventRecorderTest, ServerTroubleIsRetriedRefusalIsNot) {
  store_.failures = 2;
  recorder_.Event(pod_, "Normal", "A", "a");
  world_.Advance(seconds(30));
  EXPECT_EQ(store_.created.size(), 1U);
  store_.failures = 1;
  store_.failure_status = 403;
  recorder_.Event(pod_, "Normal", "B", "b");
  world_.Advance(seconds(30));
  EXPECT_EQ(store_.created.size(), 1U);
  EXPECT_TRUE(logs_.Contains(telemetry::Level::kWarn, "event dropped"));
}

TEST_F(EventRecorderTest, TooManyWaitingAreDropped) {
  for (int i = 0; i < 1100; ++i) {
    recorder_.Event(pod_, "Normal", "A", "message " + std::to_string(i));
  }
  world_.Settle();
  EXPECT_EQ(store_.created.size(), 1000U);
  const auto lines = logs_.lines();
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                          [](const auto& line) {
                            return line.text.find("events dropped") != std::string::npos;
                          }),
            2)
      << "the first one, and the rest together";
  EXPECT_TRUE(
      logs_.Contains(telemetry::Level::kWarn, R"("events dropped: too many wait" count=99)"));
}

}  // namespace
}  // namespace wherry::client
