#include "lib/loop/task_scope.h"
#include "tests/unit/apiserver/api_fixture.h"

#include <sstream>

namespace wherry::apiserver {
namespace {

constexpr const char* kConfigMaps = "/api/v1/namespaces/default/configmaps";

class Watches : public ApiFixture {
 protected:
  std::unique_ptr<http::BodySource> Watch(const std::string& query,
                                          const std::string& accept = "") {
    http::Request request;
    request.target = std::string(kConfigMaps) + "?watch=1&" + query;
    request.headers.Set("Authorization", "Bearer admin-token");
    if (!accept.empty()) request.headers.Set("Accept", accept);
    http::Response response = Send(std::move(request));
    EXPECT_EQ(response.status, 200) << response.body;
    return std::move(response.stream);
  }
  // "ADDED a" per event that is there now.
  std::vector<std::string> Events(http::BodySource& stream) {
    std::vector<std::string> events;
    std::istringstream lines(Pull(stream));
    for (std::string line; std::getline(lines, line);) {
      auto event = nlohmann::json::parse(line);
      last_ = event;
      std::string what = event["type"];
      if (event["object"].contains("metadata") && event["object"]["metadata"].contains("name")) {
        what += " " + event["object"]["metadata"]["name"].get<std::string>();
      }
      events.push_back(what);
    }
    return events;
  }
  void SetLabel(const std::string& name, const std::string& value) {
    Answer patched =
        Ask("PATCH", std::string(kConfigMaps) + "/" + name,
            R"({"metadata":{"labels":{"l":")" + value + R"("}}})", "application/merge-patch+json");
    ASSERT_EQ(patched.status, 200) << patched.text;
  }

  nlohmann::json last_;
};

using Strings = std::vector<std::string>;

// Without a revision a watch begins with what exists; with one it goes on from there.
TEST_F(Watches, BeginAndResume) {
  ASSERT_EQ(Post(kConfigMaps, ConfigMapJson("a")).status, 201);
  auto from_now = Watch("fieldSelector=metadata.name!=kube-root-ca.crt");
  EXPECT_EQ(Events(*from_now), (Strings{"ADDED a"}));
  std::string revision = Get(kConfigMaps).body["metadata"]["resourceVersion"];
  auto resumed = Watch("resourceVersion=" + revision);
  EXPECT_EQ(Events(*resumed), Strings{});
  ASSERT_EQ(Post(kConfigMaps, ConfigMapJson("b")).status, 201);
  SetLabel("b", "x");
  ASSERT_EQ(Ask("DELETE", std::string(kConfigMaps) + "/b").status, 200);
  Strings expected = {"ADDED b", "MODIFIED b", "DELETED b"};
  EXPECT_EQ(Events(*resumed), expected);
  EXPECT_EQ(Events(*from_now), expected);
  auto again = Watch("resourceVersion=" + revision);
  EXPECT_EQ(Events(*again), expected);
}

// An object that comes into or leaves a selection is ADDED or DELETED to its watchers.
TEST_F(Watches, Selection) {
  ASSERT_EQ(Post(kConfigMaps, ConfigMapJson("a")).status, 201);
  auto watch = Watch("labelSelector=l%3Dyes");
  EXPECT_EQ(Events(*watch), Strings{});
  SetLabel("a", "yes");
  EXPECT_EQ(Events(*watch), (Strings{"ADDED a"}));
  SetLabel("a", "no");
  EXPECT_EQ(Events(*watch), (Strings{"DELETED a"}));
  SetLabel("a", "still-no");
  EXPECT_EQ(Events(*watch), Strings{});
}

// Bookmarks once a minute; timeoutSeconds ends the stream in good order.
TEST_F(Watches, BookmarksAndTimeout) {
  auto watch = Watch("allowWatchBookmarks=true&timeoutSeconds=90&resourceVersion=" +
                     Get(kConfigMaps).body["metadata"]["resourceVersion"].get<std::string>());
  EXPECT_EQ(Events(*watch), Strings{});
  sim_.Advance(std::chrono::seconds(61));
  EXPECT_EQ(Events(*watch), (Strings{"BOOKMARK"}));
  EXPECT_TRUE(last_["object"]["metadata"].contains("resourceVersion"));
  sim_.Advance(std::chrono::seconds(26));
  EXPECT_EQ(Events(*watch), (Strings{})) << "87 s";
  sim_.Advance(std::chrono::seconds(2));
  EXPECT_EQ(Events(*watch), (Strings{"BOOKMARK"})) << "two seconds before the end";
  sim_.Advance(std::chrono::seconds(12));
  bool ended = false;
  TaskScope scope(sim_.world().loop);
  auto drain = [](http::BodySource& stream, bool& done) -> Task<void> {
    while (true) {
      auto next = stream.Next();
      auto chunk = co_await std::move(next);
      if (!chunk.ok() || !chunk->has_value()) break;
    }
    done = true;
  };
  scope.Spawn("drain", drain(*watch, ended));
  sim_.Settle();
  EXPECT_TRUE(ended);
}

// sendInitialEvents ends its first part with an annotated bookmark.
TEST_F(Watches, SendInitialEvents) {
  ASSERT_EQ(Post(kConfigMaps, ConfigMapJson("a")).status, 201);
  auto watch = Watch(
      "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&"
      "fieldSelector=metadata.name%3Da");
  EXPECT_EQ(Events(*watch), (Strings{"ADDED a", "BOOKMARK"}));
  EXPECT_EQ(last_["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
}

// The old form of a watch, by a path that names the object.
TEST_F(Watches, OfOneObjectByItsPath) {
  ASSERT_EQ(Post(kConfigMaps, ConfigMapJson("a")).status, 201);
  ASSERT_EQ(Post(kConfigMaps, ConfigMapJson("b")).status, 201);
  http::Request request;
  request.target = "/api/v1/watch/namespaces/default/configmaps/a";
  request.headers.Set("Authorization", "Bearer admin-token");
  http::Response response = Send(std::move(request));
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(Events(*response.stream), (Strings{"ADDED a"}));
  SetLabel("b", "x");
  SetLabel("a", "x");
  EXPECT_EQ(Events(*response.stream), (Strings{"MODIFIED a"}));
  EXPECT_EQ(
      Get("/api/v1/watch/namespaces/default/configmaps/a?fieldSelector=metadata.name%3Db").status,
      400);
}

// There is no stream of YAML.
TEST_F(Watches, NotInYaml) {
  Answer refused = Ask("GET", std::string(kConfigMaps) + "?watch=1", "", "", "application/yaml");
  EXPECT_EQ(refused.status, 406) << refused.text;
}

// The largest number of seconds is a long time, not none.
TEST_F(Watches, AnyNumberOfSeconds) {
  auto watch = Watch("timeoutSeconds=9223372036854775807&fieldSelector=metadata.name%3Da");
  ASSERT_EQ(Post(kConfigMaps, ConfigMapJson("a")).status, 201);
  EXPECT_EQ(Events(*watch), (Strings{"ADDED a"}));
}

// A revision whose history is gone is told as an ERROR event with a 410 Status.
TEST_F(Watches, Expired) {
  for (int i = 0; i < 2'500; ++i) {
    ASSERT_EQ(Post(kConfigMaps, R"({"metadata":{"generateName":"x-"}})").status, 201);
  }
  bool compacted = false;
  TaskScope scope(sim_.world().loop);
  auto compact = [](storage::Store& store, bool& done) -> Task<void> {
    auto compacting = store.Compact(store.CurrentRevision() - 5);
    done = (co_await std::move(compacting)).ok();
  };
  scope.Spawn("compact", compact(*store_, compacted));
  sim_.Settle();
  ASSERT_TRUE(compacted);
  auto watch = Watch("resourceVersion=3");
  EXPECT_EQ(Events(*watch), (Strings{"ERROR"}));
  EXPECT_EQ(last_["object"]["code"], 410);
  EXPECT_EQ(last_["object"]["reason"], "Expired");
}

// Tables carry their columns with the first event only.
TEST_F(Watches, Tables) {
  ASSERT_EQ(Post(kConfigMaps, ConfigMapJson("a")).status, 201);
  auto watch =
      Watch("fieldSelector=metadata.name%3Da", "application/json;as=Table;v=v1;g=meta.k8s.io");
  Events(*watch);
  EXPECT_EQ(last_["object"]["kind"], "Table");
  EXPECT_TRUE(last_["object"]["columnDefinitions"].is_array());
  SetLabel("a", "x");
  Events(*watch);
  EXPECT_EQ(last_["type"], "MODIFIED");
  EXPECT_TRUE(last_["object"]["columnDefinitions"].is_null());
}

// Protobuf frames: a length, then a WatchEvent around an enveloped object.
TEST_F(Watches, Protobuf) {
  ASSERT_EQ(Post(kConfigMaps, ConfigMapJson("a")).status, 201);
  auto watch =
      Watch("fieldSelector=metadata.name%3Da", "application/vnd.kubernetes.protobuf;stream=watch");
  std::string bytes = Pull(*watch);
  ASSERT_GT(bytes.size(), 4u);
  size_t length = 0;
  for (size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(bytes[i]);
  EXPECT_EQ(bytes.size(), 4 + length);
  EXPECT_NE(bytes.find("ADDED"), std::string::npos);
  EXPECT_NE(bytes.find(std::string("k8s\0", 4)), std::string::npos);
}

}  // namespace
}  // namespace wherry::apiserver
