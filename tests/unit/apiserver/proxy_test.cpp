#include "apiserver/endpoints/proxy_target.h"
#include "tests/unit/apiserver/api_fixture.h"

namespace wherry::apiserver {
namespace {

std::string Target(const std::string& rest) { return std::string(kPods) + rest; }

// What is behind the proxy: keeps what it was asked and answers what it was told to.
class Backend : public http::RoundTripper {
 public:
  Task<Result<http::Response>> RoundTrip(http::Request request, bool) override {
    asked.push_back(std::move(request));
    http::Response response;
    response.status = status;
    response.headers = headers;
    response.body = body;
    co_return response;
  }
  std::vector<http::Request> asked;
  int status = 200;
  http::Headers headers;
  std::string body = "foo";
};

class ProxyTest : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    app_->nodes().SetProxied(backend_);
  }
  void MakePod(const std::string& name, const std::string& ip) {
    ASSERT_EQ(Post(Target(""), PodJson(name)).status, 201);
    SetIp(name, ip);
  }
  void SetIp(const std::string& name, const std::string& ip) {
    std::string status =
        R"({"status":{"podIP":")" + ip + R"(","podIPs":[{"ip":")" + ip + R"("}]}})";
    ASSERT_EQ(
        Ask("PATCH", Target("/" + name + "/status"), status, "application/merge-patch+json").status,
        200);
  }
  Backend backend_;
};

TEST_F(ProxyTest, CarriesRequestAndAnswer) {
  MakePod("p", "10.0.0.9");
  backend_.status = 418;
  backend_.headers.Set("X-Answer", "1");
  backend_.headers.Set("Connection", "X-Hop");
  backend_.headers.Set("X-Hop", "1");
  http::Request request;
  request.method = "PUT";
  request.target = Target("/http:p:1080/proxy/a%20b//c/?q=%2F");
  request.body = "body";
  request.peer_address = "10.9.9.9:4000";
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"Authorization", "Bearer admin-token"},
                                                        {"Host", "api:6443"},
                                                        {"X-Mine", "yes"},
                                                        {"Impersonate-User", "root"},
                                                        {"Impersonate-Group", "system:masters"},
                                                        {"X-Remote-User", "root"},
                                                        {"Connection", "close"}}) {
    request.headers.Add(name, value);
  }
  http::Response answer = Send(std::move(request));
  EXPECT_EQ(answer.status, 418);
  EXPECT_EQ(answer.body, "foo");
  EXPECT_TRUE(answer.headers.Has("X-Answer"));
  EXPECT_FALSE(answer.headers.Has("X-Hop"));
  ASSERT_EQ(backend_.asked.size(), 1u);
  const http::Request& asked = backend_.asked[0];
  EXPECT_EQ(asked.method, "PUT");
  EXPECT_EQ(asked.target, "http://10.0.0.9:1080/a%20b//c/?q=%2F");
  EXPECT_EQ(asked.body, "body");
  EXPECT_EQ(asked.headers.Get("Host"), "api:6443");
  EXPECT_EQ(asked.headers.Get("X-Mine"), "yes");
  EXPECT_EQ(asked.headers.Get("X-Forwarded-For"), "10.9.9.9");
  EXPECT_EQ(asked.headers.Get("X-Forwarded-Uri"), Target("/http:p:1080/proxy/a%20b//c/"));
  for (const char* secret : {"Authorization", "Impersonate-User", "X-Remote-User", "Connection"}) {
    EXPECT_FALSE(asked.headers.Has(secret)) << secret;
  }
}

// Every method is carried; GET and HEAD without a path lead to one with '/', so that relative links
// work.
TEST_F(ProxyTest, BareTarget) {
  MakePod("p", "10.0.0.9");
  for (const char* method : {"GET", "HEAD"}) {
    Answer moved = Ask(method, Target("/p/proxy?a=b"));
    EXPECT_EQ(moved.status, 301);
    EXPECT_EQ(moved.headers.Get("Location"), Target("/p/proxy/?a=b"));
  }
  EXPECT_TRUE(backend_.asked.empty());
  for (const char* method : {"DELETE", "OPTIONS", "PATCH", "POST", "PUT"}) {
    EXPECT_EQ(Ask(method, Target("/p/proxy?a=b")).status, 200) << method;
    EXPECT_EQ(backend_.asked.back().method, method);
    EXPECT_EQ(backend_.asked.back().target, "http://10.0.0.9/?a=b");
  }
  EXPECT_EQ(Ask("TRACE", Target("/p/proxy/")).status, 405);
}

// Pages lead back to the proxy; a redirect is handed out and not followed.
TEST_F(ProxyTest, LinksLeadBack) {
  MakePod("p", "10.0.0.9");
  backend_.headers.Set("Content-Type", "text/html; charset=utf-8");
  backend_.body = "<a href=\"/x\">";
  EXPECT_EQ(Get(Target("/p/proxy/")).text, "<a href=\"" + Target("/p/proxy/x") + "\">");
  backend_.headers.Set("Content-Encoding", "br");
  EXPECT_EQ(Get(Target("/p/proxy/")).text, "<a href=\"/x\">");
  backend_.status = 302;
  backend_.headers.Set("Location", "/login");
  Answer moved = Get(Target("/p/proxy/y"));
  EXPECT_EQ(moved.status, 302);
  EXPECT_EQ(moved.headers.Get("Location"), Target("/p/proxy/login"));
  backend_.headers.Set("Location", "http://169.254.169.254/");
  EXPECT_EQ(Get(Target("/p/proxy/y")).headers.Get("Location"), "http://169.254.169.254/");
  EXPECT_EQ(backend_.asked.size(), 4u);
}

TEST_F(ProxyTest, RefusesWhatItCannotReach) {
  ASSERT_EQ(Post(Target(""), PodJson("p")).status, 201);
  EXPECT_EQ(Get(Target("/p/proxy/")).status, 400) << "a pod without an address";
  SetIp("p", "10.0.0.9");
  EXPECT_EQ(Get(Target("/ftp:p:80/proxy/")).status, 400);
  EXPECT_EQ(Get(Target("/p:http/proxy/")).status, 400);
  EXPECT_EQ(Get(Target("/p:80@evil/proxy/")).status, 400);
  EXPECT_EQ(Get(Target("/p:65536/proxy/")).status, 400);
  EXPECT_EQ(Get(Target("/missing:80/proxy/")).status, 404);
  EXPECT_EQ(Ask("GET", Target("/p/proxy/"), "", "", "", "nobody-token").status, 403);
  EXPECT_TRUE(backend_.asked.empty());
}

// Nobody reaches this machine's own services by writing their address into a status.
TEST_F(ProxyTest, RefusesAddressesThatAreNoPods) {
  for (const char* ip : {"127.0.0.1", "169.254.169.254", "0.0.0.0", "0.1.2.3", "224.0.0.1",
                         "255.255.255.255", "::1", "::", "fe80::1", "ff02::1", "::ffff:127.0.0.1",
                         "::127.0.0.1", "010.0.0.1", "0x7f.1", "2130706433", "localhost", ""}) {
    EXPECT_FALSE(endpoints::IsProxyableAddress(ip)) << ip;
  }
  for (const char* ip : {"10.244.0.7", "192.168.1.1", "8.8.8.8", "fd00::7", "2001:db8::1"}) {
    EXPECT_TRUE(endpoints::IsProxyableAddress(ip)) << ip;
  }
  MakePod("p", "127.0.0.1");
  Answer refused = Get(Target("/p:6443/proxy/"));
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.body["message"], "address not allowed");
  EXPECT_TRUE(backend_.asked.empty());
}

// A service leads to one of its pods; endpoints that are no pod's lead nowhere.
TEST_F(ProxyTest, ServiceLeadsToAPod) {
  MakePod("p", "10.0.0.9");
  const std::string services = "/api/v1/namespaces/default/services";
  ASSERT_EQ(Post(services, R"({"metadata":{"name":"s"},"spec":{"ports":[)"
                           R"({"name":"web","port":80},{"name":"tls","port":443}]}})")
                .status,
            201);
  EXPECT_EQ(Get(services + "/s:web/proxy/").status, 404) << "no endpoints object";
  std::string endpoints =
      R"({"metadata":{"name":"s"},"subsets":[{"addresses":[{"ip":"10.0.0.9","targetRef":)"
      R"({"kind":"Pod","namespace":"default","name":"p"}},{"ip":"10.0.0.66"},)"
      R"({"ip":"10.0.0.67","targetRef":{"kind":"Pod","namespace":"default","name":"p"}}],)"
      R"("ports":[{"name":"web","port":8080},{"name":"tls","port":8443}]}]})";
  ASSERT_EQ(Post("/api/v1/namespaces/default/endpoints", endpoints).status, 201);
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(Get(services + "/s:web/proxy/x").status, 200);
    EXPECT_EQ(backend_.asked.back().target, "http://10.0.0.9:8080/x");
  }
  EXPECT_EQ(Get(services + "/s:80/proxy/").status, 200);
  EXPECT_EQ(backend_.asked.back().target, "http://10.0.0.9:8080/");
  EXPECT_EQ(Get(services + "/https:s:tls/proxy/").status, 200);
  EXPECT_EQ(backend_.asked.back().target, "https://10.0.0.9:8443/");
  Answer none = Get(services + "/s/proxy/");
  EXPECT_EQ(none.status, 503);
  EXPECT_EQ(none.body["message"], "no endpoints available for service \"s\"");
  EXPECT_EQ(Get(services + "/s:81/proxy/").body["message"],
            "no service port 81 found for service \"s\"");
}

// A node's agent is asked in this server's name, other ports of the node in nobody's.
TEST_F(ProxyTest, NodeLeadsToItsAgent) {
  ASSERT_EQ(Post("/api/v1/nodes", R"({"metadata":{"name":"n1"}})").status, 201);
  ASSERT_EQ(Ask("PATCH", "/api/v1/nodes/n1/status",
                R"({"status":{"addresses":[{"type":"InternalIP","address":"10.1.0.1"}],)"
                R"("daemonEndpoints":{"kubeletEndpoint":{"Port":10250}}}})",
                "application/merge-patch+json")
                .status,
            200);
  Backend agent;
  app_->nodes().RegisterLocal("n1", agent);
  EXPECT_EQ(Get("/api/v1/nodes/n1/proxy/metrics").status, 200);
  EXPECT_EQ(Get("/api/v1/nodes/n1:10250/proxy/pods?a=b").text, "foo");
  ASSERT_EQ(agent.asked.size(), 2u);
  EXPECT_EQ(agent.asked[0].target, "/metrics");
  EXPECT_EQ(agent.asked[1].target, "/pods?a=b");
  EXPECT_EQ(agent.asked[0].authenticated_user->name, "kube-apiserver-kubelet-client");
  // An upgrade is not carried to the agent: exec has its own way in, with its own permission.
  http::Request request;
  request.target = "/api/v1/nodes/n1/proxy/exec/default/p/c?command=sh&output=1";
  request.headers.Set("Authorization", "Bearer admin-token");
  request.headers.Set("Connection", "Upgrade");
  request.headers.Set("Upgrade", "websocket");
  request.headers.Set("Sec-WebSocket-Key", "x");
  Send(std::move(request));
  EXPECT_FALSE(agent.asked.back().headers.Has("Upgrade"));
  EXPECT_FALSE(agent.asked.back().headers.Has("Sec-WebSocket-Key"));
  EXPECT_EQ(Get("/api/v1/nodes/n1:9100/proxy/metrics").status, 200);
  EXPECT_EQ(backend_.asked.back().target, "http://10.1.0.1:9100/metrics");
  EXPECT_FALSE(backend_.asked.back().authenticated_user.has_value());
  EXPECT_EQ(Get("/api/v1/nodes/other/proxy/").status, 404);
  app_->nodes().UnregisterLocal("n1");
}

// The connection to a node goes with its Node.
TEST_F(ProxyTest, ADeletedNodeIsForgotten) {
  ASSERT_EQ(Post("/api/v1/nodes", R"({"metadata":{"name":"gone"}})").status, 201);
  ASSERT_TRUE(app_->nodes().For("gone", "10.0.0.9", 10250).ok());
  ASSERT_TRUE(app_->nodes().For("stays", "10.0.0.8", 10250).ok());
  EXPECT_EQ(app_->nodes().size(), 2U);
  ASSERT_EQ(Ask("DELETE", "/api/v1/nodes/gone").status, 200);
  EXPECT_EQ(app_->nodes().size(), 1U);
}

}  // namespace
}  // namespace wherry::apiserver
