#include "nodeagent/probes/pod_probes.h"

#include "lib/api/codec.h"
#include "lib/loop/task_scope.h"
#include "nodeagent/runtime/fake/fake_runtime.h"
#include "proto/api/core/v1.pb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace wherry::nodeagent::probes {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

class Http : public http::RoundTripper {
 public:
  Task<Result<http::Response>> RoundTrip(http::Request request, bool /*stream*/) override {
    ++asked;
    last = request;
    if (!error.empty()) co_return MakeError(Reason::kServiceUnavailable, error);
    http::Response response;
    response.status = status;
    response.body = body;
    for (const auto& [name, value] : fields) response.headers.Set(name, value);
    if (!location.empty() && asked == 1) {
      response.status = 302;
      response.headers.Set("Location", location);
    }
    co_return response;
  }
  int status = 200;
  std::string body;
  std::map<std::string, std::string> fields;
  int asked = 0;
  std::string error;
  std::string location;
  http::Request last;
};

class Tcp : public TcpDialer {
 public:
  Task<Status> Dial(std::string, int port) override {
    last_port = port;
    co_return Ok();
  }
  int last_port = 0;
};

class PodProbesTest : public ::testing::Test {
 protected:
  void Watch(const std::string& container) {
    const std::string text =
        R"({"metadata":{"name":"p","uid":"u"},"spec":{"containers":[)" + container + "]}}";
    ASSERT_TRUE(api::FromJson(text, &pod_).ok());
    runtime::ContainerStatus status;
    status.name = "c";
    status.id = "id";
    status.state = runtime::ContainerState::kRunning;
    status.started_at = sim_.world().clock.Now();
    sandbox_.config.uid = "u";
    sandbox_.ips = {"10.0.0.9"};
    sandbox_.containers = {status};
    probes_.Sync(pod_, sandbox_);
    sim_.Settle();
  }
  // What exec probes ask: the container on the fake node.
  void StartOnNode() {
    TaskScope scope(sim_.world().loop);
    scope.Spawn("start", Start(runtime_));
    sim_.Advance(std::chrono::seconds(1));
    EXPECT_EQ(scope.size(), 0U);
  }
  static Task<void> Start(runtime::Runtime& runtime) {
    runtime::SandboxConfig sandbox;
    sandbox.uid = "u";
    auto ran = co_await runtime.RunPodSandbox(sandbox);
    EXPECT_TRUE(ran.ok());
    runtime::ContainerConfig container;
    container.name = "c";
    auto started = co_await runtime.StartContainer("u", container);
    EXPECT_TRUE(started.ok());
  }
  ProbeResults Results() {
    auto found = probes_.results().find("id");
    return found == probes_.results().end() ? ProbeResults{} : found->second;
  }

  SimWorld sim_{3};
  Http http_;
  Http grpc_;
  Tcp tcp_;
  runtime::fake::FakeRuntime::Node node_{sim_.world()};
  runtime::fake::FakeRuntime runtime_{sim_.world(), node_};
  Prober prober_{sim_.world(), http_, grpc_, tcp_, runtime_};
  std::vector<std::string> events_;
  int changes_ = 0;
  bool sync_on_result_ = false;
  api::core::v1::Pod pod_;
  runtime::SandboxStatus sandbox_;
  PodProbes probes_{
      sim_.world(),
      prober_,
      {.on_result =
           [this] {
             ++changes_;
             if (sync_on_result_) probes_.Sync(pod_, sandbox_);
           },
       .on_event =
           [this](const std::string&, const std::string& reason, const std::string& message) {
             events_.push_back(reason + ": " + message);
           }}};
};

TEST_F(PodProbesTest, LivenessFailsAfterItsThreshold) {
  http_.status = 500;
  Watch(R"({"name":"c","livenessProbe":{"httpGet":{"path":"/healthz","port":8080,
      "httpHeaders":[{"name":"X-A","value":"b"}]},"initialDelaySeconds":5,"periodSeconds":2,
      "failureThreshold":3}})");
  sim_.Advance(milliseconds(4900));
  EXPECT_EQ(http_.asked, 0);
  sim_.Advance(milliseconds(200));
  EXPECT_EQ(http_.asked, 1);
  EXPECT_EQ(http_.last.target, "http://10.0.0.9:8080/healthz");
  EXPECT_EQ(http_.last.headers.Get("X-A"), "b");
  EXPECT_EQ(http_.last.headers.Get("User-Agent"), "kube-probe/1.28");
  sim_.Advance(seconds(2));
  EXPECT_FALSE(Results().liveness);
  sim_.Advance(seconds(2));
  EXPECT_EQ(Results().liveness, false);
  sim_.Advance(seconds(20));
  EXPECT_EQ(http_.asked, 3);  // on hold until the next run
  EXPECT_EQ(events_[0], "Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 500");
}

TEST_F(PodProbesTest, AReadinessProbeIsTriedQuietlyUntilItsFirstTick) {
  http_.error = "dial tcp 10.0.0.9:80: connect: connection refused";
  Watch(R"({"name":"c","readinessProbe":{"httpGet":{"port":80},"periodSeconds":10}})");
  sim_.Advance(milliseconds(300));
  EXPECT_TRUE(events_.empty());
  http_.error.clear();
  sim_.Advance(milliseconds(400));
  EXPECT_EQ(Results().readiness, true);
  http_.status = 503;
  sim_.Advance(seconds(10));
  EXPECT_EQ(Results().readiness, true);
  EXPECT_EQ(events_.size(), 1U);
  sim_.Advance(seconds(20));
  EXPECT_EQ(Results().readiness, false);
}

TEST_F(PodProbesTest, AFailureCountsFromTheFirstSecond) {
  http_.status = 500;
  Watch(R"({"name":"c","startupProbe":{"httpGet":{"port":80},"periodSeconds":10,
      "failureThreshold":3}})");
  sim_.Advance(milliseconds(1100));
  EXPECT_EQ(events_.size(), 1U);
  sim_.Advance(seconds(10));
  EXPECT_FALSE(Results().startup.has_value());
  sim_.Advance(seconds(10));
  EXPECT_EQ(Results().startup, false);
}

TEST_F(PodProbesTest, AfterACountedFailureTheQuietTriesGoOn) {
  http_.status = 500;
  Watch(R"({"name":"c","readinessProbe":{"httpGet":{"port":80},"periodSeconds":60,
      "failureThreshold":1}})");
  sim_.Advance(seconds(2));
  EXPECT_EQ(Results().readiness, false);
  EXPECT_EQ(events_.size(), 1U);
  http_.status = 200;
  sim_.Advance(seconds(2));
  EXPECT_EQ(Results().readiness, true);
}

TEST_F(PodProbesTest, SuccessesInARowAreAPeriodApart) {
  Watch(R"({"name":"c","readinessProbe":{"httpGet":{"port":80},"periodSeconds":10,
      "successThreshold":3}})");
  sim_.Advance(seconds(1));
  EXPECT_EQ(http_.asked, 1);
  http_.status = 503;
  sim_.Advance(seconds(10));
  http_.status = 200;
  sim_.Advance(seconds(20));  // at 20 and 30 s: the failure began the row anew
  EXPECT_EQ(http_.asked, 4);
  EXPECT_FALSE(Results().readiness);
  sim_.Advance(seconds(10));
  EXPECT_EQ(Results().readiness, true);
}

TEST_F(PodProbesTest, ReadinessHonoursItsInitialDelay) {
  Watch(R"({"name":"c","readinessProbe":{"tcpSocket":{"port":"web"},"initialDelaySeconds":3},
      "ports":[{"name":"web","containerPort":8123}]})");
  sim_.Advance(milliseconds(2900));
  EXPECT_FALSE(Results().readiness);
  sim_.Advance(milliseconds(200));
  EXPECT_EQ(Results().readiness, true);
  EXPECT_EQ(tcp_.last_port, 8123);
}

TEST_F(PodProbesTest, OthersWaitForTheStartupProbe) {
  http_.status = 500;
  Watch(
      R"({"name":"c","startupProbe":{"httpGet":{"port":80},"periodSeconds":1,"failureThreshold":60},
      "livenessProbe":{"tcpSocket":{"port":1}},"readinessProbe":{"tcpSocket":{"port":1}}})");
  sim_.Advance(seconds(20));
  EXPECT_EQ(tcp_.last_port, 0);
  http_.status = 200;
  sim_.Advance(seconds(1));
  EXPECT_EQ(Results().startup, true);
  EXPECT_EQ(Results().readiness, true);
  EXPECT_EQ(Results().liveness, true);
}

TEST_F(PodProbesTest, RedirectsToTheSameHostAreFollowed) {
  http_.location = "/elsewhere";
  http_.status = 404;
  Watch(R"({"name":"c","livenessProbe":{"httpGet":{"port":80},"failureThreshold":1}})");
  EXPECT_EQ(Results().liveness, false);
  EXPECT_EQ(http_.last.target, "http://10.0.0.9:80/elsewhere");
}

TEST_F(PodProbesTest, ARedirectToAnotherHostIsSuccessWithAWarning) {
  http_.location = "http://example.com/";
  http_.status = 404;
  Watch(R"({"name":"c","livenessProbe":{"httpGet":{"port":80},"failureThreshold":1}})");
  EXPECT_EQ(Results().liveness, true);
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_THAT(events_[0], HasSubstr("ProbeWarning: Liveness probe warning: "));
}

TEST_F(PodProbesTest, ExecReportsWhatTheCommandSaid) {
  runtime_.on_exec = [](const std::string&, const std::string&,
                        const std::vector<std::string>& command) -> Result<runtime::ExecResult> {
    return runtime::ExecResult{.exit_code = 1, .output = command[0] + ": no such file"};
  };
  StartOnNode();
  Watch(R"({"name":"c","livenessProbe":{"exec":{"command":["cat"]},"failureThreshold":1}})");
  sim_.Advance(milliseconds(10));
  EXPECT_EQ(Results().liveness, false);
  EXPECT_EQ(events_.at(0), "Unhealthy: Liveness probe failed: cat: no such file");
}

TEST_F(PodProbesTest, GrpcAsksForTheHealthOfAService) {
  grpc_.body = std::string("\0\0\0\0\2\x08\1", 7);
  grpc_.fields["grpc-status"] = "0";
  Watch(R"({"name":"c","livenessProbe":{"grpc":{"port":5000,"service":"web"},"periodSeconds":2,
      "failureThreshold":1}})");
  EXPECT_EQ(Results().liveness, true);
  EXPECT_EQ(grpc_.last.target, "http://10.0.0.9:5000/grpc.health.v1.Health/Check");
  EXPECT_EQ(grpc_.last.body, std::string("\0\0\0\0\5\x0a\3web", 10));
  grpc_.body.back() = 2;
  sim_.Advance(seconds(2));
  EXPECT_EQ(Results().liveness, false);
  EXPECT_EQ(events_.at(0),
            "Unhealthy: Liveness probe failed: service unhealthy (responded with \"NOT_SERVING\")");
}

TEST_F(PodProbesTest, GrpcFailsWhenNobodyAnswers) {
  grpc_.error = "Connection refused";
  Watch(R"({"name":"c","livenessProbe":{"grpc":{"port":5000},"failureThreshold":1}})");
  EXPECT_EQ(Results().liveness, false);
  EXPECT_EQ(events_.at(0),
            "Unhealthy: Liveness probe failed: error: failed to connect service at "
            "\"10.0.0.9:5000\": Connection refused");
}

TEST_F(PodProbesTest, AContainerThatEndedIsNotAskedAnyMore) {
  Watch(R"({"name":"c","livenessProbe":{"httpGet":{"port":80},"periodSeconds":1}})");
  const int asked = http_.asked;
  sandbox_.containers[0].state = runtime::ContainerState::kExited;
  probes_.Sync(pod_, sandbox_);
  sim_.Advance(seconds(5));
  EXPECT_EQ(http_.asked, asked);
  EXPECT_TRUE(probes_.results().empty());
}

// A program closes its port and exits: the probe's own result is what makes Sync look.
TEST_F(PodProbesTest, AResultMayEndItsOwnProbe) {
  Watch(R"({"name":"c","readinessProbe":{"httpGet":{"port":80},"periodSeconds":1,
      "failureThreshold":1}})");
  ASSERT_EQ(Results().readiness, true);
  sandbox_.containers[0].state = runtime::ContainerState::kExited;
  sync_on_result_ = true;
  http_.status = 503;
  sim_.Advance(seconds(1));
  EXPECT_EQ(changes_, 2);
  const int asked = http_.asked;
  sim_.Advance(seconds(20));
  EXPECT_EQ(http_.asked, asked);
  EXPECT_TRUE(probes_.results().empty());
}

}  // namespace
}  // namespace wherry::nodeagent::probes
