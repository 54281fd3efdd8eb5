#include "apiserver/filters/chain.h"

#include "apiserver/request/status.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"

#include <gtest/gtest.h>

namespace wherry::apiserver::filters {
namespace {

using namespace std::chrono_literals;

// A chain whose endpoint answers when the test lets it.
class ChainTest : public ::testing::Test {
 protected:
  Task<http::Response> Endpoint(ApiRequest& request) {
    if (request.info.verb != "get") co_await gate_.Wait();
    co_return TextResponse(200, request.user.name);
  }
  Task<void> Run(http::Request request) {
    auto handling = chain_.Handle(std::move(request));
    http::Response response = co_await std::move(handling);
    statuses_.push_back(response.status);
    last_ = std::move(response);
  }
  void Send(std::string method, std::string target, std::string body = "",
            std::string token = "t") {
    http::Request request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = std::move(body);
    request.headers.Set("Authorization", "Bearer " + token);
    scope_.Spawn("request", Run(std::move(request)));
    sim_.Settle();
  }
  static authn::Authenticator::Options Tokens() {
    authn::Authenticator::Options options;
    options.tokens["t"] = {.name = "admin", .groups = {"system:masters"}};
    options.tokens["node"] = {.name = "system:node:n", .groups = {"system:nodes"}};
    options.tokens["half"] = {.name = "h", .groups = {"system:nodes", "system:masters"}};
    options.tokens["nobody"] = {.name = "nobody"};
    return options;
  }

  SimWorld sim_{3};
  Notifier gate_{sim_.world().loop};
  telemetry::Registry registry_;
  RequestMetrics metrics_{registry_, [](const RequestInfo&) { return true; }};
  authn::Authenticator authenticator_{sim_.world().clock, Tokens(), nullptr};
  authz::NodeReferences references_;
  authz::Authorizer authorizer_{references_};
  Chain chain_{sim_.world(),
               authenticator_,
               authorizer_,
               metrics_,
               [this](ApiRequest& request) { return Endpoint(request); },
               {.mutating_inflight_max = 2,
                .read_only_inflight_max = 1,
                .heartbeats_inflight_max = 2,
                .body_bytes_max = 10}};
  std::vector<int> statuses_;
  http::Response last_;
  http::Request last_request_;
  TaskScope scope_{sim_.world().loop};
};

using Statuses = std::vector<int>;

// More than the limit at a time is told to come again; writes and reads are counted apart.
TEST_F(ChainTest, LimitsWhatIsInFlight) {
  Send("POST", "/api/v1/namespaces/a/pods");
  Send("PUT", "/api/v1/namespaces/a/pods/p");
  Send("GET", "/api/v1/pods");
  EXPECT_EQ(statuses_, Statuses{});
  Send("POST", "/api/v1/namespaces/a/pods");
  EXPECT_EQ(statuses_, Statuses{429});
  EXPECT_EQ(last_.headers.Get("Retry-After"), "1");
  Send("GET", "/api/v1/pods");
  EXPECT_EQ(statuses_, (Statuses{429, 429}));
  EXPECT_NE(
      registry_.Expose().find("apiserver_current_inflight_requests{request_kind=\"mutating\"} 2"),
      std::string::npos);
  // Conversations are not counted.
  Send("GET", "/api/v1/pods?watch=1");
  EXPECT_EQ(statuses_.size(), 2u);
  gate_.Notify();
  sim_.Settle();
  EXPECT_EQ(statuses_, (Statuses{429, 429, 200, 200, 200, 200}));
  Send("GET", "/api/v1/namespaces/a/pods/p");
  EXPECT_EQ(statuses_.back(), 200);
}

// Leases and node statuses get through while others fill the server; a bound of their own holds.
TEST_F(ChainTest, HeartbeatsHavePlacesOfTheirOwn) {
  constexpr const char* kLease = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n";
  Send("POST", "/api/v1/namespaces/a/pods");
  Send("POST", "/api/v1/namespaces/a/pods");
  Send("PUT", kLease);
  EXPECT_EQ(statuses_, Statuses{429}) << "not of a node";
  Send("PUT", kLease, "", "node");
  Send("PATCH", "/api/v1/nodes/n/status", "", "node");
  EXPECT_EQ(statuses_, Statuses{429});
  Send("PUT", kLease, "", "node");
  EXPECT_EQ(statuses_, (Statuses{429, 429})) << "one more than the heartbeats' own bound";
  Send("PATCH", "/api/v1/namespaces/a/pods/p/status", "", "node");
  EXPECT_EQ(statuses_, (Statuses{429, 429, 429})) << "not what keeps a node alive";
}

// Heartbeats leave the ordinary places to others, and nothing else is a heartbeat.
TEST_F(ChainTest, HeartbeatsTakeNobodysPlace) {
  constexpr const char* kLease = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n";
  Send("PUT", kLease, "", "node");
  Send("PATCH", "/api/v1/nodes/n/status", "", "node");
  Send("POST", "/api/v1/namespaces/a/pods");
  Send("POST", "/api/v1/namespaces/a/pods");
  EXPECT_EQ(statuses_, Statuses{});
  Send("POST", "/api/v1/namespaces/a/pods");
  EXPECT_EQ(statuses_, Statuses{429});
  EXPECT_NE(
      registry_.Expose().find("apiserver_current_inflight_requests{request_kind=\"mutating\"} 4"),
      std::string::npos);
  gate_.Notify();
  sim_.Settle();
  statuses_.clear();
  Send("POST", "/api/v1/namespaces/a/pods");
  Send("POST", "/api/v1/namespaces/a/pods");
  Send("GET", "/api/v1/pods");
  Send("GET", "/api/v1/nodes", "", "node");
  EXPECT_EQ(statuses_, Statuses{429}) << "a list of nodes";
  Send("PATCH", "/api/v1/nodes/n", "", "node");
  EXPECT_EQ(statuses_, (Statuses{429, 429})) << "not a status";
  Send("PUT", kLease, "", "half");
  EXPECT_EQ(statuses_, (Statuses{429, 429, 429})) << "the group alone is no node";
}

// The deletion of a collection is a write, but may take longer than others.
TEST_F(ChainTest, DeletionsOfCollectionsCount) {
  Send("DELETE", "/api/v1/namespaces/a/pods");
  Send("DELETE", "/api/v1/namespaces/a/pods");
  Send("DELETE", "/api/v1/namespaces/a/pods");
  EXPECT_EQ(statuses_, Statuses{429});
  sim_.Advance(120s);
  EXPECT_EQ(statuses_, Statuses{429});
  sim_.Advance(500s);
  EXPECT_EQ(statuses_, (Statuses{429, 504, 504}));
}

// A request that is not answered in a minute is, with a timeout; a watch goes on.
TEST_F(ChainTest, Deadlines) {
  Send("POST", "/api/v1/namespaces/a/pods");
  Send("GET", "/api/v1/pods?watch=1");
  sim_.Advance(61s);
  EXPECT_EQ(statuses_, Statuses{504});
  Send("POST", "/api/v1/namespaces/a/pods");
  Send("POST", "/api/v1/namespaces/a/pods");
  EXPECT_EQ(statuses_, Statuses{504}) << "what timed out counts no more";
}

TEST_F(ChainTest, BodiesAreBounded) {
  Send("POST", "/api/v1/namespaces/a/pods", std::string(11, ' '));
  EXPECT_EQ(statuses_, Statuses{413});
}

// Who may not ask is told so at the head; who may is not asked for credentials again.
TEST_F(ChainTest, RefusesBeforeTheBody) {
  auto refuse = [this](std::string target, std::string token) {
    http::Request request;
    request.method = "POST";
    request.target = std::move(target);
    request.headers.Set("Authorization", "Bearer " + token);
    auto refusal = chain_.Refuse(request);
    EXPECT_EQ(request.headers.Get("Authorization"), "Bearer " + token) << "the request is back";
    last_request_ = std::move(request);
    if (!refusal) return 0;
    EXPECT_TRUE(refusal->headers.Has("Audit-Id"));
    return refusal->status;
  };
  EXPECT_EQ(refuse("/api/v1/namespaces/a/pods", "wrong"), 401);
  EXPECT_EQ(refuse("/api/v1/namespaces/a/pods", "nobody"), 403);
  EXPECT_EQ(refuse("/healthz", "wrong"), 413) << "open to everybody, with nothing to say to it";
  EXPECT_EQ(refuse("/api/v1/%zz", "t"), 400);
  EXPECT_NE(registry_.Expose().find("code=\"401\""), std::string::npos);
  EXPECT_EQ(refuse("/api/v1/namespaces/a/pods", "t"), 0);
  ASSERT_TRUE(last_request_.verified_user.has_value());
  EXPECT_EQ(last_request_.verified_user->name, "admin");
  last_request_.headers.Set("Authorization", "Bearer wrong");
  last_request_.method = "GET";
  last_request_.target = "/api/v1/namespaces/a/pods/p";
  scope_.Spawn("request", Run(std::move(last_request_)));
  sim_.Settle();
  EXPECT_EQ(statuses_, Statuses{200});
}

}  // namespace
}  // namespace wherry::apiserver::filters
