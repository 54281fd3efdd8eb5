#include "lib/loop/task_scope.h"
#include "tests/unit/apiserver/api_fixture.h"

#include <gmock/gmock.h>

#include <sstream>

namespace wherry::apiserver {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kCore = "/api/v1/namespaces/default/events";
constexpr const char* kNew = "/apis/events.k8s.io/v1/namespaces/default/events";
constexpr const char* kMerge = "application/merge-patch+json";

// One store, two views: what one group writes the other shows.
class EventsTest : public ApiFixture {
 protected:
  static json NewEvent(const std::string& name) {
    json event = json::parse(R"({
      "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"namespace": "default"},
      "regarding": {"kind": "Pod", "name": "web", "namespace": "default", "uid": "u1"},
      "eventTime": "2023-11-14T22:13:10.123456Z", "type": "Normal", "action": "Binding",
      "reason": "Scheduled", "note": "assigned", "reportingController": "default-scheduler",
      "reportingInstance": "s1",
      "series": {"count": 2, "lastObservedTime": "2023-11-14T22:13:20.000001Z"}})");
    event["metadata"]["name"] = name;
    return event;
  }
  static json CoreEvent(const std::string& name) {
    json event = json::parse(R"({
      "apiVersion": "v1", "kind": "Event", "metadata": {"namespace": "default"},
      "involvedObject": {"kind": "Pod", "name": "db", "namespace": "default", "fieldPath": "spec"},
      "type": "Warning", "reason": "BackOff", "message": "again", "count": 3,
      "source": {"component": "kubelet", "host": "n1"},
      "firstTimestamp": "2023-11-14T22:13:10Z", "lastTimestamp": "2023-11-14T22:14:10Z"})");
    event["metadata"]["name"] = name;
    return event;
  }
  std::vector<std::string> Names(const std::string& target) {
    std::vector<std::string> names;
    const Answer answer = Get(target);
    EXPECT_EQ(answer.status, 200) << answer.text;
    for (const json& item : answer.body["items"]) names.push_back(item["metadata"]["name"]);
    return names;
  }
};

TEST_F(EventsTest, TheNewFormIsSeenInTheOldOne) {
  ASSERT_EQ(Post(kNew, NewEvent("a").dump()).status, 201);
  const json seen = Get(std::string(kCore) + "/a").body;
  EXPECT_EQ(seen["apiVersion"], "v1");
  EXPECT_EQ(seen["involvedObject"]["name"], "web");
  EXPECT_EQ(seen["message"], "assigned");
  EXPECT_EQ(seen["reportingComponent"], "default-scheduler");
  EXPECT_EQ(seen["eventTime"], "2023-11-14T22:13:10.123456Z");
  EXPECT_EQ(seen["series"]["count"], 2);
  const json back = Get(std::string(kNew) + "/a").body;
  EXPECT_EQ(back["apiVersion"], "events.k8s.io/v1");
  EXPECT_EQ(back["regarding"], NewEvent("a")["regarding"]);
  EXPECT_EQ(back["note"], "assigned");
  EXPECT_EQ(back["series"]["lastObservedTime"], "2023-11-14T22:13:20.000001Z");
  EXPECT_EQ(back["metadata"], seen["metadata"]);
  // `kubectl get events`.
  const Answer table = Ask("GET", kCore, "", "", "application/json;as=Table;v=v1;g=meta.k8s.io");
  EXPECT_THAT(table.text, HasSubstr("pod/web"));
  EXPECT_THAT(table.text, HasSubstr("Scheduled"));
}

TEST_F(EventsTest, TheOldFormIsSeenInTheNewOne) {
  ASSERT_EQ(Post(kCore, CoreEvent("b").dump()).status, 201);
  const json seen = Get(std::string(kNew) + "/b").body;
  EXPECT_EQ(seen["kind"], "Event");
  EXPECT_EQ(seen["apiVersion"], "events.k8s.io/v1");
  EXPECT_EQ(seen["regarding"]["fieldPath"], "spec");
  EXPECT_EQ(seen["note"], "again");
  EXPECT_EQ(seen["deprecatedCount"], 3);
  EXPECT_EQ(seen["deprecatedSource"]["host"], "n1");
  EXPECT_EQ(seen["deprecatedFirstTimestamp"], "2023-11-14T22:13:10Z");
  EXPECT_EQ(seen["deprecatedLastTimestamp"], "2023-11-14T22:14:10Z");
  const Answer proto =
      Ask("GET", std::string(kNew) + "/b", "", "", "application/vnd.kubernetes.protobuf");
  EXPECT_THAT(proto.text, HasSubstr("events.k8s.io/v1"));
  const Answer table = Ask("GET", kNew, "", "", "application/json;as=Table;v=v1;g=meta.k8s.io");
  EXPECT_THAT(table.text, HasSubstr("pod/db"));
}

TEST_F(EventsTest, BothFormsWriteTheSameObject) {
  ASSERT_EQ(Post(kNew, NewEvent("a").dump()).status, 201);
  EXPECT_EQ(Post(kCore, CoreEvent("a").dump()).status, 409);
  const std::string series =
      R"({"series":{"count":9,"lastObservedTime":"2023-11-14T22:15:00.000000Z"}})";
  Answer patched = Ask("PATCH", std::string(kNew) + "/a", series, kMerge);
  ASSERT_EQ(patched.status, 200) << patched.text;
  EXPECT_EQ(patched.body["series"]["count"], 9);
  EXPECT_EQ(Get(std::string(kCore) + "/a").body["series"]["count"], 9);
  // The same again changes nothing.
  Answer again = Ask("PATCH", std::string(kNew) + "/a", series, kMerge);
  EXPECT_EQ(again.body["metadata"]["resourceVersion"], patched.body["metadata"]["resourceVersion"]);
  ASSERT_EQ(Ask("PATCH", std::string(kCore) + "/a", R"({"message":"other"})", kMerge).status, 200);
  EXPECT_EQ(Get(std::string(kNew) + "/a").body["note"], "other");
  // What may not change in the new form may not be changed there.
  EXPECT_EQ(Ask("PATCH", std::string(kNew) + "/a", R"({"note":"third"})", kMerge).status, 422);
  ASSERT_EQ(Ask("DELETE", std::string(kNew) + "/a").status, 200);
  EXPECT_EQ(Get(std::string(kCore) + "/a").status, 404);
}

TEST_F(EventsTest, ListsAndSelectorsSpeakEachGroupsNames) {
  ASSERT_EQ(Post(kNew, NewEvent("a").dump()).status, 201);
  ASSERT_EQ(Post(kCore, CoreEvent("b").dump()).status, 201);
  const std::string core(kCore);
  const std::string fresh(kNew);
  EXPECT_THAT(Names(core), ElementsAre("a", "b"));
  EXPECT_THAT(Names(fresh), ElementsAre("a", "b"));
  EXPECT_EQ(Get(fresh).body["items"][0]["regarding"]["name"], "web");
  EXPECT_THAT(Names(core + "?fieldSelector=involvedObject.name=web"), ElementsAre("a"));
  EXPECT_THAT(Names(core + "?fieldSelector=reportingComponent=default-scheduler"),
              ElementsAre("a"));
  EXPECT_THAT(Names(core + "?fieldSelector=source=kubelet"), ElementsAre("b"));
  EXPECT_THAT(Names(core + "?fieldSelector=source=default-scheduler"), ElementsAre("a"));
  EXPECT_THAT(Names(core + "?fieldSelector=type!=Normal,reason=BackOff"), ElementsAre("b"));
  EXPECT_THAT(Names(fresh + "?fieldSelector=regarding.name=db"), ElementsAre("b"));
  EXPECT_THAT(Names(fresh + "?fieldSelector=regarding.uid=u1"), ElementsAre("a"));
  EXPECT_THAT(Names(fresh + "?fieldSelector=reportingController=default-scheduler"),
              ElementsAre("a"));
  EXPECT_THAT(Names(fresh + "?fieldSelector=metadata.name=b"), ElementsAre("b"));
  EXPECT_EQ(Get(fresh + "?fieldSelector=involvedObject.name=db").status, 400);
  EXPECT_EQ(Get(fresh + "?fieldSelector=source=kubelet").status, 400);
  EXPECT_EQ(Get(core + "?fieldSelector=regarding.name=db").status, 400);
  const json page = Get(fresh + "?limit=1").body;
  EXPECT_EQ(page["items"][0]["metadata"]["name"], "a");
  EXPECT_THAT(Names(fresh + "?limit=1&continue=" + page["metadata"]["continue"].get<std::string>()),
              ElementsAre("b"));
}

TEST_F(EventsTest, AWatchOfTheNewFormSeesTheOldOnesWrites) {
  const std::string version = Get(kNew).body["metadata"]["resourceVersion"];
  ASSERT_EQ(Post(kCore, CoreEvent("b").dump()).status, 201);
  ASSERT_EQ(Ask("PATCH", std::string(kCore) + "/b", R"({"count":4})", kMerge).status, 200);
  ASSERT_EQ(Ask("DELETE", std::string(kCore) + "/b").status, 200);
  const Answer watch =
      Get(std::string(kNew) + "?watch=1&timeoutSeconds=1&resourceVersion=" + version);
  std::vector<std::string> told;
  std::istringstream lines(watch.text);
  for (std::string line; std::getline(lines, line);) {
    const json event = json::parse(line);
    EXPECT_EQ(event["object"]["apiVersion"], "events.k8s.io/v1");
    told.push_back(event["type"].get<std::string>() + " " +
                   std::to_string(event["object"]["deprecatedCount"].get<int>()));
  }
  EXPECT_THAT(told, ElementsAre("ADDED 3", "MODIFIED 4", "DELETED 4"));
}

TEST_F(EventsTest, ACollectionGoesThroughEitherGroup) {
  ASSERT_EQ(Post(kNew, NewEvent("a").dump()).status, 201);
  ASSERT_EQ(Post(kCore, CoreEvent("b").dump()).status, 201);
  const Answer gone = Ask("DELETE", std::string(kNew) + "?fieldSelector=regarding.name=db");
  EXPECT_EQ(gone.status, 200);
  EXPECT_EQ(gone.body["items"][0]["note"], "again");
  EXPECT_THAT(Names(kCore), ElementsAre("a"));
}

TEST_F(EventsTest, BothGroupsExpire) {
  ASSERT_EQ(Post(kNew, NewEvent("a").dump()).status, 201);
  sim_.Advance(std::chrono::minutes(59));
  EXPECT_THAT(Names(kNew), ElementsAre("a"));
  sim_.Advance(std::chrono::minutes(4));
  EXPECT_THAT(Names(kNew), ElementsAre());
}

Task<void> Start(App& app) {
  auto starting = app.Start();
  const Status started = co_await std::move(starting);
  EXPECT_TRUE(started.ok());
}

// An hour after its last write an event goes, whatever was restarted in between.
TEST_F(EventsTest, ExpireAcrossARestart) {
  ASSERT_EQ(Post(kCore, CoreEvent("old").dump()).status, 201);
  sim_.Advance(std::chrono::minutes(30));
  ASSERT_EQ(Post(kCore, CoreEvent("young").dump()).status, 201);
  sim_.Advance(std::chrono::minutes(10));
  app_.reset();
  App::Options options;
  options.tokens["admin-token"] = http::UserInfo{.name = "admin", .groups = {"system:masters"}};
  app_ = std::make_unique<App>(sim_.world(), *store_, std::move(options));
  TaskScope scope(sim_.world().loop);
  scope.Spawn("start", Start(*app_));
  sim_.Settle();
  EXPECT_THAT(Names(kCore), ElementsAre("old", "young"));
  sim_.Advance(std::chrono::minutes(19));
  EXPECT_THAT(Names(kCore), ElementsAre("old", "young"));
  sim_.Advance(std::chrono::minutes(3));
  EXPECT_THAT(Names(kCore), ElementsAre("young"));
  // Written anew, it lives on.
  ASSERT_EQ(Ask("PATCH", std::string(kCore) + "/young", R"({"count":9})", kMerge).status, 200);
  sim_.Advance(std::chrono::minutes(40));
  EXPECT_THAT(Names(kCore), ElementsAre("young"));
  sim_.Advance(std::chrono::minutes(22));
  EXPECT_THAT(Names(kCore), ElementsAre());
}

// A removal that failed is tried again.
TEST_F(EventsTest, ExpireWhenTheStoreRefusesAtFirst) {
  ASSERT_EQ(Post(kCore, CoreEvent("old").dump()).status, 201);
  sim_.Advance(std::chrono::minutes(30));
  app_.reset();
  App::Options options;
  options.tokens["admin-token"] = http::UserInfo{.name = "admin", .groups = {"system:masters"}};
  app_ = std::make_unique<App>(sim_.world(), *store_, std::move(options));
  TaskScope scope(sim_.world().loop);
  scope.Spawn("start", Start(*app_));
  sim_.Settle();
  sim_.Advance(std::chrono::minutes(28));
  sim_.SetFault("storage.commit", 1);
  sim_.Advance(std::chrono::minutes(4));
  EXPECT_THAT(Names(kCore), ElementsAre("old"));
  sim_.SetFault("storage.commit", 0);
  // Not only when an hour of this process has passed.
  sim_.Advance(std::chrono::seconds(61));
  EXPECT_THAT(Names(kCore), ElementsAre());
}

}  // namespace
}  // namespace wherry::apiserver
