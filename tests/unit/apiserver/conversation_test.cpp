#include "lib/loop/task_scope.h"
#include "tests/unit/apiserver/api_fixture.h"

namespace wherry::apiserver {
namespace {

std::string Target(const std::string& rest) { return std::string(kPods) + rest; }

// The agent of node n1: keeps what it was asked and upgrades, or says what it was told to.
class Agent : public http::RoundTripper {
 public:
  class Upgrade : public http::UpgradeHandler {
   public:
    Task<void> Run(std::unique_ptr<http::ByteStream>) override { co_return; }
  };
  Task<Result<http::Response>> RoundTrip(http::Request request, bool) override {
    asked.push_back(request.method + " " + request.target);
    http::Response response;
    response.body = text;
    if (request.headers.Has("Upgrade")) {
      response.status = 101;
      response.upgrade = std::make_unique<Upgrade>();
    }
    co_return response;
  }
  std::vector<std::string> asked;
  std::string text;
};

// A client's connection that hears what the server says.
class Listener : public http::ByteStream {
 public:
  Listener(Loop& loop, std::string& heard) : heard_(heard), never_(loop) {}
  Task<Result<std::string>> Read() override {
    co_await never_.Wait();
    co_return std::string();
  }
  Task<Status> Write(std::string bytes) override {
    heard_ += bytes;
    co_return Ok();
  }
  void Close() override { heard_ += "<closed>"; }

 private:
  std::string& heard_;
  Notifier never_;
};

class Conversations : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    app_->nodes().RegisterLocal("n1", agent_);
    ASSERT_EQ(Post(Target(""), PodJson("p")).status, 201);
    ASSERT_EQ(
        Post(Target("/p/binding"), R"({"metadata":{"name":"p"},"target":{"name":"n1"}})").status,
        201);
  }
  void TearDown() override { app_->nodes().UnregisterLocal("n1"); }

  http::Response Begin(const std::string& method, const std::string& target) {
    http::Request request;
    request.method = method;
    request.target = Target(target);
    request.headers.Set("Authorization", "Bearer admin-token");
    request.headers.Set("Connection", "Upgrade");
    request.headers.Set("Upgrade", "SPDY/3.1");
    return Send(std::move(request));
  }
  http::Response BeginWebSocket(const std::string& target, const std::string& protocol) {
    http::Request request;
    request.target = Target(target);
    request.headers.Set("Authorization", "Bearer admin-token");
    request.headers.Set("Connection", "Upgrade");
    request.headers.Set("Upgrade", "websocket");
    request.headers.Set("Sec-WebSocket-Version", "13");
    request.headers.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    if (!protocol.empty()) request.headers.Set("Sec-WebSocket-Protocol", protocol);
    return Send(std::move(request));
  }
  Agent agent_;
};

TEST_F(Conversations, AreToldInTheKubeletsWords) {
  EXPECT_EQ(Begin("POST", "/p/attach?stdin=true&stdout=true&tty=true").status, 101);
  EXPECT_EQ(agent_.asked.back(), "POST /attach/default/p/c?input=1&output=1&tty=1");
  EXPECT_EQ(Begin("GET", "/p/attach?stdout=1&container=c").status, 101);
  EXPECT_EQ(agent_.asked.back(), "GET /attach/default/p/c?output=1");
  EXPECT_EQ(Begin("POST", "/p/portforward").status, 101);
  EXPECT_EQ(agent_.asked.back(), "POST /portForward/default/p");
  EXPECT_EQ(Begin("GET", "/p/portforward?ports=80&ports=81").status, 101);
  EXPECT_EQ(agent_.asked.back(), "GET /portForward/default/p?port=80%2C81");
}

TEST_F(Conversations, RefuseWhatCannotBegin) {
  EXPECT_EQ(Begin("POST", "/p/attach").status, 400) << "no stream";
  EXPECT_EQ(Begin("POST", "/p/attach?stdout=1&container=x").status, 400);
  EXPECT_EQ(Begin("POST", "/missing/portforward").status, 404);
  EXPECT_EQ(Begin("PUT", "/p/portforward").status, 405);
  EXPECT_EQ(Post(Target("/p/portforward"), "").status, 400) << "no upgrade";
  EXPECT_TRUE(agent_.asked.empty());
}

// Who may read everything, as the scheduler may, may not run commands by saying GET.
TEST_F(Conversations, NeedThePermissionToCreate) {
  for (const char* target :
       {"/p/exec?command=sh&stdout=1", "/p/attach?stdout=1", "/p/portforward"}) {
    http::Request request;
    request.target = Target(target);
    request.authenticated_user = http::UserInfo{.name = "system:kube-scheduler"};
    request.headers.Set("Connection", "Upgrade");
    request.headers.Set("Upgrade", "SPDY/3.1");
    EXPECT_EQ(Send(std::move(request)).status, 403) << target;
  }
  EXPECT_TRUE(agent_.asked.empty());
}

TEST_F(Conversations, AreListedByDiscovery) {
  auto core = Get("/api/v1").body["resources"];
  auto verbs = [&core](const std::string& name) {
    for (const auto& one : core) {
      if (one["name"] == name) return one["kind"].get<std::string>() + one["verbs"].dump();
    }
    return std::string();
  };
  EXPECT_EQ(verbs("pods/attach"), R"(PodAttachOptions["create","get"])");
  EXPECT_EQ(verbs("pods/portforward"), R"(PodPortForwardOptions["create","get"])");
  const std::string all = R"(["create","delete","get","patch","update"])";
  EXPECT_EQ(verbs("pods/proxy"), "PodProxyOptions" + all);
  EXPECT_EQ(verbs("services/proxy"), "ServiceProxyOptions" + all);
  EXPECT_EQ(verbs("nodes/proxy"), "NodeProxyOptions" + all);
}

// A log over a WebSocket is its bytes in messages, then the end.
TEST_F(Conversations, LogOverAWebSocket) {
  agent_.text = "hello\n";
  for (const auto& [protocol, expected] :
       std::vector<std::pair<std::string, std::string>>{{"binary.k8s.io", "\x82\x06hello\n"},
                                                        {"", "\x82\x06hello\n"},
                                                        {"base64.binary.k8s.io",
                                                         "\x81\x08"
                                                         "aGVsbG8K"}}) {
    http::Response response = BeginWebSocket("/p/log", protocol);
    ASSERT_EQ(response.status, 101);
    EXPECT_EQ(response.headers.Get("Sec-WebSocket-Protocol"), protocol);
    std::string heard;
    TaskScope scope(sim_.world().loop);
    scope.Spawn("log", response.upgrade->Run(std::make_unique<Listener>(sim_.world().loop, heard)));
    sim_.Settle();
    EXPECT_EQ(heard, expected + "\x88\x02\x03\xe8<closed>");
    EXPECT_EQ(scope.size(), 0u);
  }
  EXPECT_EQ(BeginWebSocket("/p/log", "chat").status, 400);
}

}  // namespace
}  // namespace wherry::apiserver
