#include "tests/unit/apiserver/api_fixture.h"

namespace wherry::apiserver {
namespace {

using Pods = ApiFixture;

std::string Target(const std::string& rest) { return std::string(kPods) + rest; }

// A binding writes the node's name once, and the condition that says so.
TEST_F(Pods, Binding) {
  ASSERT_EQ(Post(Target(""), PodJson("p")).status, 201);
  std::string binding = R"({"apiVersion":"v1","kind":"Binding","metadata":{"name":"p"},)"
                        R"("target":{"kind":"Node","name":"n1"}})";
  Answer bound = Post(Target("/p/binding"), binding);
  ASSERT_EQ(bound.status, 201) << bound.text;
  EXPECT_EQ(bound.body["status"], "Success");
  Answer pod = Get(Target("/p"));
  EXPECT_EQ(pod.body["spec"]["nodeName"], "n1");
  EXPECT_EQ(pod.body["status"]["conditions"][0]["type"], "PodScheduled");
  EXPECT_EQ(pod.body["status"]["conditions"][0]["status"], "True");
  Answer again = Post(Target("/p/binding"), binding);
  EXPECT_EQ(again.status, 409);
  EXPECT_NE(again.text.find("is already assigned to node"), std::string::npos);
  EXPECT_EQ(Get(Target("?fieldSelector=spec.nodeName%3Dn1")).body["items"].size(), 1u);
  EXPECT_EQ(Get(Target("?fieldSelector=spec.nodeName%3Dn2")).body["items"].size(), 0u);
}

// A bound pod is deleted gracefully: marked, then removed by a delete with grace 0.
TEST_F(Pods, GracefulDelete) {
  ASSERT_EQ(Post(Target(""), PodJson("p")).status, 201);
  ASSERT_EQ(
      Post(Target("/p/binding"), R"({"metadata":{"name":"p"},"target":{"name":"n1"}})").status,
      201);
  Answer marked = Ask("DELETE", Target("/p"));
  ASSERT_EQ(marked.status, 200) << marked.text;
  EXPECT_EQ(marked.body["metadata"]["deletionGracePeriodSeconds"], 30);
  EXPECT_EQ(Get(Target("/p")).status, 200);
  Answer shorter = Ask("DELETE", Target("/p?gracePeriodSeconds=5"));
  EXPECT_EQ(shorter.body["metadata"]["deletionGracePeriodSeconds"], 5);
  Answer gone = Ask("DELETE", Target("/p?gracePeriodSeconds=0"));
  EXPECT_EQ(gone.status, 200) << gone.text;
  EXPECT_EQ(Get(Target("/p")).status, 404);
}

// A pod without a node has nothing to wind down.
TEST_F(Pods, UnboundDelete) {
  ASSERT_EQ(Post(Target(""), PodJson("p")).status, 201);
  EXPECT_EQ(Ask("DELETE", Target("/p")).status, 200);
  EXPECT_EQ(Get(Target("/p")).status, 404);
}

// Status and spec are written apart from each other.
TEST_F(Pods, StatusSubresource) {
  Answer created = Post(Target(""), PodJson("p"));
  ASSERT_EQ(created.status, 201) << created.text;
  Answer patched =
      Ask("PATCH", Target("/p/status"), R"({"status":{"phase":"Running","podIP":"10.0.0.9"}})",
          "application/strategic-merge-patch+json");
  ASSERT_EQ(patched.status, 200) << patched.text;
  EXPECT_EQ(patched.body["status"]["phase"], "Running");
  Answer through_spec = Ask("PATCH", Target("/p"), R"({"status":{"phase":"Failed"}})",
                            "application/strategic-merge-patch+json");
  EXPECT_EQ(through_spec.body["status"]["phase"], "Running");
}

// Logs of a pod nobody runs are empty; a container must exist.
TEST_F(Pods, Log) {
  ASSERT_EQ(Post(Target(""), PodJson("p")).status, 201);
  Answer log = Get(Target("/p/log"));
  EXPECT_EQ(log.status, 200);
  EXPECT_EQ(log.text, "");
  EXPECT_EQ(Get(Target("/p/log?container=nope")).status, 400);
  ASSERT_EQ(
      Post(Target("/p/binding"), R"({"metadata":{"name":"p"},"target":{"name":"n1"}})").status,
      201);
  EXPECT_EQ(Get(Target("/p/log")).status, 503) << "there is no node n1";
}

// Logs come from the agent's kubelet endpoint, with the client's options.
TEST_F(Pods, LogFromAgent) {
  class Agent : public http::RoundTripper {
   public:
    Task<Result<http::Response>> RoundTrip(http::Request request, bool) override {
      target = request.target;
      http::Response response;
      response.body = "hello\n";
      co_return response;
    }
    std::string target;
  };
  Agent agent;
  app_->nodes().RegisterLocal("n1", agent);
  ASSERT_EQ(Post(Target(""), PodJson("p")).status, 201);
  ASSERT_EQ(
      Post(Target("/p/binding"), R"({"metadata":{"name":"p"},"target":{"name":"n1"}})").status,
      201);
  Answer log = Get(Target("/p/log?tailLines=3&follow=true"));
  EXPECT_EQ(log.text, "hello\n");
  EXPECT_EQ(agent.target, "/containerLogs/default/p/c?follow=true&tailLines=3");
  app_->nodes().UnregisterLocal("n1");
}

// exec is the agent's conversation, told in the kubelet's words; what is missing is said before.
TEST_F(Pods, Exec) {
  class Upgrade : public http::UpgradeHandler {
   public:
    Task<void> Run(std::unique_ptr<http::ByteStream>) override { co_return; }
  };
  class Agent : public http::RoundTripper {
   public:
    Task<Result<http::Response>> RoundTrip(http::Request request, bool) override {
      asked = std::move(request);
      http::Response response;
      response.status = 101;
      response.headers.Set("Upgrade", "SPDY/3.1");
      response.upgrade = std::make_unique<Upgrade>();
      co_return response;
    }
    http::Request asked;
  };
  Agent agent;
  app_->nodes().RegisterLocal("n1", agent);
  ASSERT_EQ(Post(Target(""), PodJson("p")).status, 201);
  EXPECT_EQ(Post(Target("/p/exec?command=ls&stdout=1"), "").status, 400) << "no node yet";
  ASSERT_EQ(
      Post(Target("/p/binding"), R"({"metadata":{"name":"p"},"target":{"name":"n1"}})").status,
      201);
  EXPECT_EQ(Post(Target("/p/exec?stdout=1"), "").status, 400) << "no command";
  EXPECT_EQ(Post(Target("/p/exec?command=ls"), "").status, 400) << "no stream";
  http::Request request;
  request.method = "POST";
  request.target = Target("/p/exec?command=ls&command=-l+x&stdin=true&stdout=true&tty=false");
  request.headers.Set("Authorization", "Bearer admin-token");
  request.headers.Set("Connection", "Upgrade");
  request.headers.Set("Upgrade", "SPDY/3.1");
  request.headers.Set("X-Stream-Protocol-Version", "v4.channel.k8s.io");
  http::Response response = Send(std::move(request));
  EXPECT_EQ(response.status, 101);
  EXPECT_NE(response.upgrade, nullptr);
  EXPECT_EQ(agent.asked.target, "/exec/default/p/c?input=1&output=1&command=ls&command=-l%20x");
  EXPECT_EQ(agent.asked.headers.Get("X-Stream-Protocol-Version"), "v4.channel.k8s.io");
  EXPECT_FALSE(agent.asked.headers.Has("Authorization")) << "the client's secret stays here";
  app_->nodes().UnregisterLocal("n1");
}

// The scale subresource shows and sets replicas, with compare-and-set.
TEST_F(Pods, Scale) {
  std::string deployments = "/apis/apps/v1/namespaces/default/deployments";
  Answer created = Post(
      deployments,
      R"({"metadata":{"name":"web"},"spec":{"replicas":2,"selector":{"matchLabels":{"a":"b"}},)"
      R"("template":{"metadata":{"labels":{"a":"b"}},)"
      R"("spec":{"containers":[{"name":"c","image":"i:1"}]}}}})");
  ASSERT_EQ(created.status, 201) << created.text;
  Answer scale = Get(deployments + "/web/scale");
  ASSERT_EQ(scale.status, 200) << scale.text;
  EXPECT_EQ(scale.body["kind"], "Scale");
  EXPECT_EQ(scale.body["apiVersion"], "autoscaling/v1");
  EXPECT_EQ(scale.body["spec"]["replicas"], 2);
  EXPECT_EQ(scale.body["status"]["selector"], "a=b");
  scale.body["spec"]["replicas"] = 5;
  Answer set = Ask("PUT", deployments + "/web/scale", scale.body.dump());
  ASSERT_EQ(set.status, 200) << set.text;
  EXPECT_EQ(Get(deployments + "/web").body["spec"]["replicas"], 5);
  EXPECT_EQ(Ask("PUT", deployments + "/web/scale", scale.body.dump()).status, 409);
  Answer patched = Ask("PATCH", deployments + "/web/scale", R"({"spec":{"replicas":1}})",
                       "application/merge-patch+json");
  EXPECT_EQ(patched.body["spec"]["replicas"], 1);
  EXPECT_EQ(Ask("PUT", deployments + "/web/scale", R"({"spec":{"replicas":7}})").status, 400);
  EXPECT_EQ(Ask("PUT", deployments + "/web/scale",
                R"({"metadata":{"name":"other"},"spec":{"replicas":7}})")
                .status,
            400);
  EXPECT_EQ(Ask("PATCH", deployments + "/web/scale?fieldValidation=Strict",
                R"({"spec":{"replicass":7}})", "application/merge-patch+json")
                .status,
            400);
  EXPECT_EQ(Get(deployments + "/web").body["spec"]["replicas"], 1);
  EXPECT_EQ(Ask("PATCH", deployments + "/web/scale", R"({"spec":{"replicas":-1}})",
                "application/merge-patch+json")
                .status,
            422);
}

// What an older client got wrong is said, not that it is older.
TEST_F(Pods, AWrongEvictionOfAnOlderClient) {
  ASSERT_EQ(Post(Target(""), PodJson("old")).status, 201);
  Answer wrong = Post(Target("/old/eviction"),
                      R"({"apiVersion":"policy/v1beta1","kind":"Eviction","deleteOptions":7})");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_NE(wrong.text.find("in version \\\"v1beta1\\\" cannot be handled as a Eviction"),
            std::string::npos)
      << wrong.text;
  Answer yaml =
      Ask("POST", Target("/old/eviction"),
          "apiVersion: policy/v1beta1\nkind: Eviction\nnonsense: 1\n", "application/yaml");
  EXPECT_EQ(yaml.status, 201) << yaml.text;
  EXPECT_EQ(yaml.headers.Get("Warning"), "299 - \"unknown field \\\"nonsense\\\"\"");
}

// Eviction deletes, unless a disruption budget has none left.
TEST_F(Pods, Eviction) {
  ASSERT_EQ(Post(Target(""), PodJson("p", R"({"app":"a"})")).status, 201);
  ASSERT_EQ(
      Post(Target("/p/binding"), R"({"metadata":{"name":"p"},"target":{"name":"n1"}})").status,
      201);
  Answer running =
      Ask("PATCH", Target("/p/status"),
          R"({"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}})",
          "application/merge-patch+json");
  ASSERT_EQ(running.status, 200);
  std::string budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
  Answer budget = Post(budgets, R"({"metadata":{"name":"b"},"spec":{"minAvailable":1,)"
                                R"("selector":{"matchLabels":{"app":"a"}}}})");
  ASSERT_EQ(budget.status, 201) << budget.text;
  std::string eviction = R"({"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"p"}})";
  Answer unseen = Post(Target("/p/eviction"), eviction);
  EXPECT_EQ(unseen.status, 429) << "the budget's controller has not looked yet";
  EXPECT_EQ(unseen.headers.Get("Retry-After"), "10");
  auto allow = [&](int disruptions) {
    std::string status = R"({"status":{"observedGeneration":1,"currentHealthy":1,)"
                         R"("desiredHealthy":1,"expectedPods":1,"disruptionsAllowed":)" +
                         std::to_string(disruptions) + "}}";
    Answer set = Ask("PATCH", budgets + "/b/status", status, "application/merge-patch+json");
    ASSERT_EQ(set.status, 200) << set.text;
  };
  allow(0);
  Answer refused = Post(Target("/p/eviction"), eviction);
  EXPECT_EQ(refused.status, 429) << refused.text;
  EXPECT_EQ(refused.body["details"]["causes"][0]["reason"], "DisruptionBudget");
  EXPECT_NE(refused.text.find("needs 1 healthy pods and has 1 currently"), std::string::npos);
  // What was granted must be seen by the budget's controller before more is.
  nlohmann::json going;
  for (int i = 0; i <= 2000; ++i) going["p" + std::to_string(i)] = "2024-01-01T00:00:00Z";
  const nlohmann::json many = {{"status", {{"disruptionsAllowed", 1}, {"disruptedPods", going}}}};
  ASSERT_EQ(Ask("PATCH", budgets + "/b/status", many.dump(), "application/merge-patch+json").status,
            200);
  Answer full = Post(Target("/p/eviction"), eviction);
  EXPECT_EQ(full.status, 403) << full.text;
  EXPECT_NE(full.text.find("DisruptedPods map too big"), std::string::npos);
  ASSERT_EQ(Ask("DELETE", budgets + "/b").status, 200);
  Answer evicted = Post(Target("/p/eviction"), eviction);
  EXPECT_EQ(evicted.status, 201) << evicted.text;
  EXPECT_TRUE(Get(Target("/p")).body["metadata"].contains("deletionTimestamp"));
}

// An eviction deletes as its deleteOptions say.
TEST_F(Pods, EvictionObeysItsDeleteOptions) {
  ASSERT_EQ(Post(Target(""), PodJson("p")).status, 201);
  auto evict = [&](const std::string& options, const std::string& query = "",
                   const std::string& version = "policy/v1") {
    return Post(Target("/p/eviction" + query),
                R"({"apiVersion":")" + version + R"(","kind":"Eviction","metadata":{"name":"p"},)" +
                    R"("deleteOptions":)" + options + "}");
  };
  EXPECT_EQ(evict(R"({"propagationPolicy":"Bogus"})").status, 422);
  EXPECT_EQ(evict(R"({"dryRun":["Some"]})").status, 422);
  EXPECT_EQ(evict(R"({"dryRun":["All","All"]})", "?dryRun=All").status, 400);
  EXPECT_EQ(evict("{}", "?dryRun=All").status, 201);
  EXPECT_EQ(evict(R"({"dryRun":["All"]})").status, 201);
  EXPECT_EQ(evict("{}", "", "policy/v2").status, 400);
  EXPECT_FALSE(Get(Target("/p")).body["metadata"].contains("deletionTimestamp")) << "all dry";
  Answer evicted = evict(R"({"propagationPolicy":"Foreground"})", "", "policy/v1beta1");
  EXPECT_EQ(evicted.status, 201) << evicted.text;
  EXPECT_EQ(Get(Target("/p")).body["metadata"]["finalizers"],
            nlohmann::json({"foregroundDeletion"}));
}

// One disruption that a budget allows is spent by an eviction.
TEST_F(Pods, EvictionSpendsTheBudget) {
  for (const char* name : {"p", "q"}) {
    ASSERT_EQ(Post(Target(""), PodJson(name, R"({"app":"a"})")).status, 201);
    ASSERT_EQ(
        Ask("PATCH", Target(std::string("/") + name + "/status"),
            R"({"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}})",
            "application/merge-patch+json")
            .status,
        200);
  }
  std::string budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
  ASSERT_EQ(Post(budgets, R"({"metadata":{"name":"b"},"spec":{"minAvailable":1,)"
                          R"("selector":{"matchLabels":{"app":"a"}}}})")
                .status,
            201);
  ASSERT_EQ(Ask("PATCH", budgets + "/b/status",
                R"({"status":{"observedGeneration":1,"currentHealthy":2,"desiredHealthy":1,)"
                R"("expectedPods":2,"disruptionsAllowed":1}})",
                "application/merge-patch+json")
                .status,
            200);
  auto evict = [&](const std::string& name) {
    return Post(Target("/" + name + "/eviction"), R"({"metadata":{"name":")" + name + R"("}})");
  };
  EXPECT_EQ(evict("p").status, 201);
  auto status = Get(budgets + "/b").body["status"];
  EXPECT_EQ(status["disruptionsAllowed"], 0);
  EXPECT_TRUE(status["disruptedPods"].contains("p"));
  EXPECT_EQ(evict("q").status, 429);
}

// A pod that is not ready goes without spending while enough others are healthy, or by the policy.
TEST_F(Pods, EvictionOfUnreadyPods) {
  for (const char* name : {"p", "q"}) {
    ASSERT_EQ(Post(Target(""), PodJson(name, R"({"app":"a"})")).status, 201);
    ASSERT_EQ(Ask("PATCH", Target(std::string("/") + name + "/status"),
                  R"({"status":{"phase":"Running"}})", "application/merge-patch+json")
                  .status,
              200);
  }
  std::string budget = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
  ASSERT_EQ(Post(budget, R"({"metadata":{"name":"b"},"spec":{"minAvailable":1,)"
                         R"("selector":{"matchLabels":{"app":"a"}}}})")
                .status,
            201);
  budget += "/b";
  auto healthy = [&](int count) {
    std::string status = R"({"status":{"observedGeneration":5,"desiredHealthy":1,)"
                         R"("disruptionsAllowed":0,"currentHealthy":)" +
                         std::to_string(count) + "}}";
    ASSERT_EQ(Ask("PATCH", budget + "/status", status, "application/merge-patch+json").status, 200);
  };
  auto evict = [&](const std::string& name) {
    return Post(Target("/" + name + "/eviction"), R"({"metadata":{"name":")" + name + R"("}})")
        .status;
  };
  healthy(0);
  EXPECT_EQ(evict("p"), 429);
  healthy(1);
  EXPECT_EQ(evict("p"), 201);
  EXPECT_EQ(Get(budget).body["status"]["disruptionsAllowed"], 0);
  EXPECT_FALSE(Get(budget).body["status"].contains("disruptedPods"));
  healthy(0);
  EXPECT_EQ(evict("q"), 429);
  ASSERT_EQ(Ask("PATCH", budget, R"({"spec":{"unhealthyPodEvictionPolicy":"AlwaysAllow"}})",
                "application/merge-patch+json")
                .status,
            200);
  EXPECT_EQ(evict("q"), 201);
}

// What logs are asked for is checked before any node is.
TEST_F(Pods, LogOptions) {
  ASSERT_EQ(Post(Target(""), PodJson("p")).status, 201);
  struct Case {
    const char* query;
    int status;
    const char* message;
  };
  for (const Case& one : std::initializer_list<Case>{
           {"tailLines=-1", 422, "tailLines: Invalid value: -1: must be greater than or equal"},
           {"limitBytes=0", 422, "limitBytes: Invalid value: 0: must be greater than 0"},
           {"sinceSeconds=0", 422, "sinceSeconds: Invalid value: 0: must be greater than 0"},
           {"sinceSeconds=5&sinceTime=2023-01-01T00:00:00Z", 422, "at most one of `sinceTime`"},
           {"tailLines=many", 400, "invalid syntax"},
           {"sinceTime=yesterday", 400, "parsing time"},
           {"tailLines=5&sinceSeconds=9223372036854775807", 200, ""}}) {
    Answer answer = Get(Target("/p/log?") + one.query);
    EXPECT_EQ(answer.status, one.status) << one.query << answer.text;
    EXPECT_NE(answer.text.find(one.message), std::string::npos) << answer.text;
  }
}

// A binding is for a named pod in a namespace.
TEST_F(Pods, BindingsWithoutAName) {
  std::string body = R"({"metadata":{},"target":{"name":"n1"}})";
  EXPECT_EQ(Post("/api/v1/bindings", body).status, 404);
  Answer nameless = Post("/api/v1/namespaces/default/bindings", body);
  EXPECT_EQ(nameless.status, 400) << nameless.text;
  EXPECT_EQ(nameless.body["message"], "name is required");
}

// Bytes that are no UTF-8 come in protobuf only; the refusal that shows them is answered at once.
TEST_F(Pods, BytesThatAreNoText) {
  Answer made = Post(Target(""), PodJson("p"));
  ASSERT_EQ(made.status, 201);
  constexpr const char* kProtobuf = "application/vnd.kubernetes.protobuf";
  std::string bytes = Ask("GET", Target("/p"), "", "", kProtobuf).text;
  size_t at = bytes.find("example/hello:1");
  ASSERT_NE(at, std::string::npos);
  // The image may change; where it is pulled from may not.
  size_t policy = bytes.find("IfNotPresent");
  ASSERT_NE(policy, std::string::npos);
  bytes[policy] = '\xff';
  Answer refused = Ask("PUT", Target("/p"), bytes, kProtobuf);
  EXPECT_EQ(refused.status, 422) << refused.text;
}

// A token is who its service account is, until the account is gone.
TEST_F(Pods, ServiceAccountToken) {
  std::string account = "/api/v1/namespaces/default/serviceaccounts/default";
  Answer token = Post(account + "/token", R"({"spec":{"expirationSeconds":600}})");
  ASSERT_EQ(token.status, 201) << token.text;
  std::string bearer = token.body["status"]["token"];
  EXPECT_EQ(token.body["kind"], "TokenRequest");
  Answer asked = Ask("GET", kPods.data(), "", "", "", bearer);
  EXPECT_EQ(asked.status, 403);
  EXPECT_NE(asked.text.find("system:serviceaccount:default:default"), std::string::npos);
  EXPECT_EQ(Post(account + "/token", R"({"spec":{"expirationSeconds":5}})").status, 422);
  std::string forged = bearer;
  forged[forged.size() - 10] = forged[forged.size() - 10] == 'A' ? 'B' : 'A';
  EXPECT_EQ(Ask("GET", kPods.data(), "", "", "", forged).status, 401);
  sim_.Advance(std::chrono::seconds(601));
  EXPECT_EQ(Ask("GET", kPods.data(), "", "", "", bearer).status, 401) << "expired";
  token = Post(account + "/token", R"({"spec":{}})");
  bearer = token.body["status"]["token"];
  ASSERT_EQ(Ask("DELETE", account).status, 200);
  EXPECT_EQ(Ask("GET", kPods.data(), "", "", "", bearer).status, 401) << "account gone";
}

// Service addresses and node ports: given out, taken on request, refused twice, given back.
TEST_F(Pods, ServiceAddresses) {
  std::string services = "/api/v1/namespaces/default/services";
  auto body = [](const std::string& name, const std::string& spec) {
    return R"({"metadata":{"name":")" + name + R"("},"spec":{"ports":[{"port":80}])" + spec + "}}";
  };
  Answer first = Post(services, body("a", R"(,"type":"NodePort")"));
  ASSERT_EQ(first.status, 201) << first.text;
  std::string address = first.body["spec"]["clusterIP"];
  int port = first.body["spec"]["ports"][0]["nodePort"];
  EXPECT_TRUE(address.starts_with("10.96."));
  EXPECT_GE(port, 30000);
  Answer taken = Post(services, body("b", R"(,"clusterIP":")" + address + R"(")"));
  EXPECT_EQ(taken.status, 422);
  EXPECT_NE(taken.text.find("provided IP is already allocated"), std::string::npos) << taken.text;
  EXPECT_EQ(Post(services, body("b", R"(,"clusterIP":"10.1.2.3")")).status, 422);
  Answer to_cluster_ip = Ask("PATCH", services + "/a", R"({"spec":{"type":"ClusterIP"}})",
                             "application/merge-patch+json");
  ASSERT_EQ(to_cluster_ip.status, 200) << to_cluster_ip.text;
  EXPECT_FALSE(to_cluster_ip.body["spec"]["ports"][0].contains("nodePort"));
  EXPECT_EQ(to_cluster_ip.body["spec"]["clusterIP"], address);
  ASSERT_EQ(Ask("DELETE", services + "/a").status, 200);
  EXPECT_EQ(Post(services, body("b", R"(,"clusterIP":")" + address + R"(")")).status, 201);
  EXPECT_EQ(Get(services + "/kubernetes").body["spec"]["clusterIP"], "10.96.0.1");
}

}  // namespace
}  // namespace wherry::apiserver
