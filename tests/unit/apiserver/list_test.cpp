#include "lib/loop/task_scope.h"
#include "tests/unit/apiserver/api_fixture.h"

#include <set>

namespace wherry::apiserver {
namespace {

constexpr const char* kConfigMaps = "/api/v1/namespaces/default/configmaps";

class Lists : public ApiFixture {
 protected:
  void Fill(int count) {
    for (int i = 0; i < count; ++i) {
      std::string name = "cm-" + std::to_string(100 + i);
      std::string body = R"({"metadata":{"name":")" + name + R"(","labels":{"parity":")" +
                         (i % 2 == 0 ? "even" : "odd") + R"("}}})";
      ASSERT_EQ(Post(kConfigMaps, body).status, 201);
    }
  }
};

// Pages are of one snapshot, count what is left, and together are the whole list.
TEST_F(Lists, Pages) {
  Fill(7);
  Answer page = Get(std::string(kConfigMaps) + "?limit=3");
  ASSERT_EQ(page.status, 200) << page.text;
  EXPECT_EQ(page.body["kind"], "ConfigMapList");
  EXPECT_EQ(page.body["items"].size(), 3u);
  std::string revision = page.body["metadata"]["resourceVersion"];
  std::set<std::string> names;
  int64_t left = page.body["metadata"]["remainingItemCount"];
  ASSERT_EQ(Post(kConfigMaps, R"({"metadata":{"name":"cm-zzz"}})").status, 201);
  while (true) {
    for (const auto& item : page.body["items"]) names.insert(item["metadata"]["name"]);
    if (!page.body["metadata"].contains("continue")) break;
    std::string token = page.body["metadata"]["continue"];
    page = Get(std::string(kConfigMaps) + "?limit=3&continue=" + token);
    ASSERT_EQ(page.status, 200) << page.text;
    EXPECT_EQ(page.body["metadata"]["resourceVersion"], revision);
  }
  EXPECT_EQ(static_cast<int64_t>(names.size()), left + 3);
  EXPECT_FALSE(names.contains("cm-zzz")) << "made after the first page";
}

// A continue token from outside is refused, one of a forgotten revision says how to go on.
TEST_F(Lists, ContinueTokens) {
  Fill(4);
  for (const char* token : {"x", "e30", "eyJ2IjoidjEiLCJydiI6MSwic3RhcnQiOiJhIn0"}) {
    EXPECT_EQ(Get(std::string(kConfigMaps) + "?continue=" + token).status, 400) << token;
  }
  // {"v":"meta.k8s.io/v1","rv":5,"start":"../../secrets"}
  EXPECT_EQ(Get(std::string(kConfigMaps) +
                "?continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NSwic3RhcnQiOiIuLi8uLi9zZWNyZXRzIn0")
                .status,
            400);
}

// Label and field selectors, and the words for what cannot be selected.
TEST_F(Lists, Selectors) {
  Fill(6);
  EXPECT_EQ(Get(std::string(kConfigMaps) + "?labelSelector=parity%3Deven").body["items"].size(),
            3u);
  EXPECT_EQ(Get(std::string(kConfigMaps) + "?labelSelector=parity%20notin%20(even)%2Cparity")
                .body["items"]
                .size(),
            3u);
  EXPECT_EQ(
      Get(std::string(kConfigMaps) + "?fieldSelector=metadata.name%3Dcm-101").body["items"].size(),
      1u);
  EXPECT_EQ(Get("/api/v1/configmaps?fieldSelector=metadata.namespace%3Dnope").body["items"].size(),
            0u);
  EXPECT_EQ(Get(std::string(kConfigMaps) + "?labelSelector=a%3D%3D%3Db").status, 400);
  Answer unknown = Get(std::string(kConfigMaps) + "?fieldSelector=spec.x%3D1");
  EXPECT_EQ(unknown.status, 400);
  EXPECT_NE(unknown.body["message"].get<std::string>().find("field selector"), std::string::npos);
}

// resourceVersion and resourceVersionMatch as upstream's table has them.
TEST_F(Lists, ResourceVersions) {
  Fill(1);
  std::string revision = Get(kConfigMaps).body["metadata"]["resourceVersion"];
  ASSERT_EQ(Post(kConfigMaps, ConfigMapJson("later")).status, 201);
  auto count = [&](const std::string& query) {
    return Get(std::string(kConfigMaps) + "?" + query).body["items"].size();
  };
  size_t now = Get(kConfigMaps).body["items"].size();
  EXPECT_EQ(count("resourceVersion=0"), now);
  EXPECT_EQ(count("resourceVersion=" + revision), now);
  EXPECT_EQ(count("resourceVersion=" + revision + "&resourceVersionMatch=NotOlderThan"), now);
  EXPECT_EQ(count("resourceVersion=" + revision + "&resourceVersionMatch=Exact"), now - 1);
  EXPECT_EQ(count("resourceVersion=" + revision + "&limit=100"), now - 1);
  struct Case {
    const char* query;
    int status;
  };
  for (const Case& c : {Case{"resourceVersion=abc", 400},
                        {"resourceVersionMatch=Exact", 422},
                        {"resourceVersion=0&resourceVersionMatch=Exact", 422},
                        {"resourceVersion=1&resourceVersionMatch=Sometimes", 422},
                        {"sendInitialEvents=true", 422}}) {
    EXPECT_EQ(Get(std::string(kConfigMaps) + "?" + c.query).status, c.status) << c.query;
  }
}

// A revision that is not there yet: 504 with a cause clients know, once time has passed.
TEST_F(Lists, FutureRevision) {
  http::Request request;
  request.target = std::string(kConfigMaps) + "?resourceVersion=99999";
  request.headers.Set("Authorization", "Bearer admin-token");
  std::optional<http::Response> response;
  TaskScope scope(sim_.world().loop);
  auto run = [](http::Handler& handler, http::Request ask,
                std::optional<http::Response>& out) -> Task<void> {
    auto handling = handler.Handle(std::move(ask));
    out.emplace(co_await std::move(handling));
  };
  scope.Spawn("future", run(app_->handler(), std::move(request), response));
  sim_.Advance(std::chrono::seconds(5));
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 504);
  EXPECT_NE(response->body.find("ResourceVersionTooLarge"), std::string::npos) << response->body;
}

// Large lists are streamed, and are the same document.
TEST_F(Lists, Streamed) {
  Fill(150);
  Answer all = Get("/api/v1/configmaps");
  ASSERT_EQ(all.status, 200);
  EXPECT_GE(all.body["items"].size(), 150u);
}

// Tables for people, metadata for controllers.
TEST_F(Lists, Transformed) {
  Fill(2);
  Answer table = Ask("GET", kConfigMaps, "", "",
                     "application/json;as=Table;v=v1;g=meta.k8s.io,application/json");
  ASSERT_EQ(table.status, 200) << table.text;
  EXPECT_EQ(table.body["kind"], "Table");
  EXPECT_EQ(table.body["columnDefinitions"][0]["name"], "Name");
  EXPECT_EQ(table.body["rows"][0]["object"]["kind"], "PartialObjectMetadata");
  EXPECT_EQ(table.body["rows"][0]["cells"].size(), table.body["columnDefinitions"].size());
  EXPECT_EQ(table.body["apiVersion"], "meta.k8s.io/v1");
  Answer beta =
      Ask("GET", kConfigMaps, "", "", "application/json;as=Table;v=v1beta1;g=meta.k8s.io");
  ASSERT_EQ(beta.status, 200) << beta.text;
  EXPECT_EQ(beta.body["apiVersion"], "meta.k8s.io/v1beta1");
  EXPECT_EQ(beta.body["rows"], table.body["rows"]);
  Answer partial = Ask("GET", kConfigMaps, "", "",
                       "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io");
  EXPECT_EQ(partial.body["kind"], "PartialObjectMetadataList");
  EXPECT_FALSE(partial.body["items"][0].contains("data"));
  Answer yaml = Ask("GET", kConfigMaps, "", "", "application/yaml");
  EXPECT_NE(yaml.text.find("kind: ConfigMapList"), std::string::npos) << yaml.text;
}

}  // namespace
}  // namespace wherry::apiserver
