#include "nodeagent/probes/probe_client.h"

#include "lib/http/server.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "nodeagent/probes/prober.h"
#include "nodeagent/runtime/fake/fake_runtime.h"

#include <gtest/gtest.h>

#include <optional>

namespace wherry::nodeagent::probes {
namespace {

// Answers with `first`, and with `rest` a while later, or never.
class Body : public http::BodySource {
 public:
  Body(Loop& loop, std::string first, std::chrono::nanoseconds wait)
      : loop_(loop), first_(std::move(first)), wait_(wait) {}
  Task<Result<std::optional<http::Chunk>>> Next() override {
    if (first_.empty()) {
      co_await SleepFor(loop_, wait_);
      co_return std::optional<http::Chunk>();
    }
    http::Chunk chunk;
    chunk.bytes = std::make_shared<const std::string>(std::exchange(first_, ""));
    co_return std::optional<http::Chunk>(std::move(chunk));
  }

 private:
  Loop& loop_;
  std::string first_;
  std::chrono::nanoseconds wait_;
};

class ProbeClientTest : public testing::Test, public http::Handler {
 protected:
  Task<http::Response> Handle(http::Request /*request*/) override {
    http::Response response;
    response.stream = std::make_unique<Body>(loop_, body_, wait_);
    co_return response;
  }
  // A hook's question, which any answer in time satisfies.
  Status Ask(std::chrono::nanoseconds timeout) {
    http::Server server(loop_, *this);
    auto port = server.Listen("127.0.0.1", 0);
    if (!port.ok()) return std::move(port).error();
    auto client = MakeProbeClient(loop_, false);
    SocketDialer dialer(world_.world());
    runtime::fake::FakeRuntime::Node node(world_.world());
    runtime::fake::FakeRuntime runtime(world_.world(), node);
    Prober prober(world_.world(), *client, *client, dialer, runtime);
    std::optional<Status> answer;
    TaskScope scope(loop_);
    auto ask = [](Prober& asked, HttpTarget target, std::chrono::nanoseconds limit,
                  std::optional<Status>* out, Loop& loop) -> Task<void> {
      auto asking = asked.HttpGet(std::move(target), limit);
      out->emplace(co_await std::move(asking));
      loop.Stop();
    };
    HttpTarget target{.host = "127.0.0.1", .port = *port, .path = "/"};
    scope.Spawn("ask", ask(prober, std::move(target), timeout, &answer, loop_));
    loop_.Run();
    return answer ? std::move(*answer) : Status(MakeError(Reason::kUnknown, "no answer"));
  }

  RealWorld world_;
  Loop& loop_ = world_.world().loop;
  std::string body_;
  std::chrono::nanoseconds wait_{0};
};

TEST_F(ProbeClientTest, OfALargePageOnlyTheBeginningIsRead) {
  body_.assign(3 << 20, 'x');
  auto asked = Ask(std::chrono::seconds(5));
  EXPECT_TRUE(asked.ok()) << asked.error().message;
}

TEST_F(ProbeClientTest, AnEndlessPageIsNotWaitedFor) {
  body_.assign(20 << 10, 'x');
  wait_ = std::chrono::hours(1);
  auto asked = Ask(std::chrono::seconds(5));
  EXPECT_TRUE(asked.ok()) << asked.error().message;
}

TEST_F(ProbeClientTest, APageThatStallsIsLate) {
  body_ = "x";
  wait_ = std::chrono::hours(1);
  EXPECT_FALSE(Ask(std::chrono::milliseconds(300)).ok());
}

}  // namespace
}  // namespace wherry::nodeagent::probes
