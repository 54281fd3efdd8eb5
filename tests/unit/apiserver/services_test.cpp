#include "lib/loop/task_scope.h"
#include "tests/unit/apiserver/api_fixture.h"

namespace wherry::apiserver {
namespace {

using nlohmann::json;

constexpr const char* kServices = "/api/v1/namespaces/default/services";

json NodePort(const std::string& name, json ports) {
  return {{"metadata", {{"name", name}}},
          {"spec", {{"type", "NodePort"}, {"ports", std::move(ports)}}}};
}

json Port(const std::string& name, int port, int node_port = 0) {
  json made = {{"name", name}, {"port", port}};
  if (node_port != 0) made["nodePort"] = node_port;
  return made;
}

json Balanced(const std::string& name, int health_check_port) {
  json service = NodePort(name, json::array({Port("a", 80)}));
  service["spec"]["type"] = "LoadBalancer";
  service["spec"]["externalTrafficPolicy"] = "Local";
  if (health_check_port != 0) service["spec"]["healthCheckNodePort"] = health_check_port;
  return service;
}

class Services : public ApiFixture {
 protected:
  Answer Create(const json& service) { return Post(kServices, service.dump()); }
  Answer Delete(const std::string& name) { return Ask("DELETE", Path(name)); }
  static std::string Path(const std::string& name) { return std::string(kServices) + "/" + name; }

  // Sends a request whose client goes away after that many turns of the loop.
  void Abandon(http::Request request, int turns) {
    TaskScope scope(sim_.world().loop);
    auto run = [](http::Handler& handler, http::Request asked) -> Task<void> {
      auto handling = handler.Handle(std::move(asked));
      co_await std::move(handling);
    };
    scope.Spawn("request", run(app_->handler(), std::move(request)));
    std::function<void()> turn = [&] {
      if (turns-- == 0) return scope.Cancel();
      sim_.world().loop.Post(turn);
    };
    sim_.world().loop.Post(turn);
    sim_.Settle();
  }
  http::Request Request(std::string method, std::string target, std::string body) {
    http::Request request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.headers.Set("Authorization", "Bearer admin-token");
    request.headers.Set("Content-Type", "application/json");
    request.body = std::move(body);
    return request;
  }
};

// Nobody waits for an address that never comes. A list that somebody else writes may have any.
TEST_F(Services, OneFamilyOnly) {
  auto with = [](json spec) {
    spec["ports"] = json::array({Port("a", 80)});
    return json{{"metadata", {{"generateName", "s-"}}}, {"spec", std::move(spec)}};
  };
  Answer both = Create(with({{"ipFamilyPolicy", "RequireDualStack"}}));
  EXPECT_EQ(both.status, 422) << both.text;
  EXPECT_EQ(both.body["details"]["causes"][0]["field"], "spec.ipFamilyPolicy");
  EXPECT_NE(both.text.find("this cluster is not configured for dual-stack services"),
            std::string::npos);
  Answer v6 =
      Create(with({{"ipFamilies", {"IPv4", "IPv6"}}, {"ipFamilyPolicy", "PreferDualStack"}}));
  EXPECT_EQ(v6.status, 422) << v6.text;
  EXPECT_EQ(v6.body["details"]["causes"][0]["field"], "spec.ipFamilies[1]");
  const json selector = {{"app", "a"}};
  EXPECT_EQ(Create(with({{"clusterIP", "None"}, {"ipFamilies", {"IPv6"}}, {"selector", selector}}))
                .status,
            422);
  EXPECT_EQ(Create(with({{"ipFamilyPolicy", "PreferDualStack"}})).status, 201);
  Answer headless = Create(with({{"clusterIP", "None"}, {"ipFamilyPolicy", "RequireDualStack"}}));
  ASSERT_EQ(headless.status, 201) << headless.text;
  EXPECT_EQ(headless.body["spec"]["ipFamilies"], json({"IPv4", "IPv6"}));
}

// Node ports follow their port by name, and by nothing else.
TEST_F(Services, NodePortsStayWithTheirName) {
  ASSERT_EQ(Create(NodePort("web", json::array({Port("a", 80, 30001)}))).status, 201);
  Answer moved = Ask("PUT", Path("web"), NodePort("web", {Port("a", 90), Port("c", 80)}).dump());
  ASSERT_EQ(moved.status, 200) << moved.text;
  const json& ports = moved.body["spec"]["ports"];
  EXPECT_EQ(ports[0]["nodePort"], 30001);
  EXPECT_NE(ports[1]["nodePort"], 30001);
}

// A port is taken by who asks for it, for health checks too, until it is given back.
TEST_F(Services, HealthCheckPortsAreTaken) {
  Answer first = Create(Balanced("one", 30123));
  ASSERT_EQ(first.status, 201) << first.text;
  EXPECT_EQ(first.body["spec"]["healthCheckNodePort"], 30123);
  Answer second = Create(Balanced("two", 30123));
  EXPECT_EQ(second.status, 500) << second.text;
  EXPECT_NE(second.text.find("failed to allocate requested HealthCheck NodePort 30123: provided "
                             "port is already allocated"),
            std::string::npos);
  EXPECT_EQ(Create(NodePort("two", json::array({Port("a", 80, 30123)}))).status, 422);
  EXPECT_EQ(Create(Balanced("two", 80)).status, 500) << "is out of range";
  // An update keeps it, by name and without.
  json again = Balanced("one", 0);
  Answer updated = Ask("PUT", Path("one"), again.dump());
  ASSERT_EQ(updated.status, 200) << updated.text;
  EXPECT_EQ(updated.body["spec"]["healthCheckNodePort"], 30123);
  EXPECT_EQ(Ask("PUT", Path("one"), updated.text).status, 200);
  EXPECT_EQ(Create(NodePort("two", json::array({Port("a", 80, 30123)}))).status, 422);
  ASSERT_EQ(Delete("one").status, 200);
  EXPECT_EQ(Create(NodePort("two", json::array({Port("a", 80, 30123)}))).status, 201);
}

// Whoever sent a request may go away at any moment: what is stored decides about what is taken.
TEST_F(Services, AnAbandonedCreateTakesWhatItStored) {
  int stored = 0;
  for (int turns = 0; turns < 12; ++turns) {
    std::string name = "s" + std::to_string(turns);
    int port = 30100 + turns;
    Abandon(Request("POST", kServices, NodePort(name, json::array({Port("a", 80, port)})).dump()),
            turns);
    bool exists = Get(Path(name)).status == 200;
    stored += exists ? 1 : 0;
    EXPECT_EQ(Create(NodePort("other-" + name, json::array({Port("a", 80, port)}))).status,
              exists ? 422 : 201)
        << "after " << turns << " turns";
  }
  EXPECT_GT(stored, 0);
  EXPECT_LT(stored, 12);
}

TEST_F(Services, AnAbandonedDeleteGivesBackWhatItHeld) {
  int gone = 0;
  for (int turns = 0; turns < 12; ++turns) {
    std::string name = "s" + std::to_string(turns);
    int port = 30100 + turns;
    ASSERT_EQ(Create(NodePort(name, json::array({Port("a", 80, port)}))).status, 201);
    Abandon(Request("DELETE", Path(name), ""), turns);
    bool exists = Get(Path(name)).status == 200;
    gone += exists ? 0 : 1;
    EXPECT_EQ(Create(NodePort("other-" + name, json::array({Port("a", 80, port)}))).status,
              exists ? 422 : 201)
        << "after " << turns << " turns";
  }
  EXPECT_GT(gone, 0);
  EXPECT_LT(gone, 12);
}

// Endpoints that somebody else writes may be of any family: both, if nothing else is said.
TEST_F(Services, FamiliesOfAServiceWithoutASelector) {
  json headless = {{"metadata", {{"name", "h"}}}, {"spec", {{"clusterIP", "None"}}}};
  Answer made = Create(headless);
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.body["spec"]["ipFamilyPolicy"], "RequireDualStack");
  EXPECT_EQ(made.body["spec"]["ipFamilies"], json::array({"IPv4", "IPv6"}));
  headless["metadata"]["name"] = "one";
  headless["spec"]["ipFamilyPolicy"] = "SingleStack";
  made = Create(headless);
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.body["spec"]["ipFamilies"], json::array({"IPv4"}));
  // An update that says nothing keeps what was said.
  json said = made.body;
  said["spec"].erase("ipFamilyPolicy");
  said["spec"].erase("ipFamilies");
  Answer put = Ask("PUT", Path("one"), said.dump());
  ASSERT_EQ(put.status, 200) << put.text;
  EXPECT_EQ(put.body["spec"]["ipFamilyPolicy"], "SingleStack");
  EXPECT_EQ(put.body["spec"]["ipFamilies"], json::array({"IPv4"}));
  // One family is enough from now on: the second goes.
  Answer single = Ask("PATCH", Path("h"), R"({"spec":{"ipFamilyPolicy":"SingleStack"}})",
                      "application/merge-patch+json");
  ASSERT_EQ(single.status, 200) << single.text;
  EXPECT_EQ(single.body["spec"]["ipFamilies"], json::array({"IPv4"}));
}

TEST_F(Services, TwoFamiliesNeedAPolicy) {
  auto refused = [this](const json& spec) {
    json service = {{"metadata", {{"name", "two"}}}, {"spec", spec}};
    service["spec"]["ipFamilies"] = {"IPv4", "IPv6"};
    Answer made = Create(service);
    EXPECT_EQ(made.status, 422) << made.text;
    EXPECT_NE(made.text.find("must be 'RequireDualStack' or 'PreferDualStack' when multiple IP "
                             "families are specified"),
              std::string::npos)
        << made.text;
  };
  refused({{"ipFamilyPolicy", "SingleStack"}, {"ports", {Port("a", 80)}}});
  refused({{"ports", {Port("a", 80)}}});
  refused({{"clusterIP", "None"}, {"ipFamilyPolicy", "SingleStack"}});
  refused({{"clusterIP", "None"}, {"selector", {{"a", "b"}}}});
}

}  // namespace
}  // namespace wherry::apiserver
