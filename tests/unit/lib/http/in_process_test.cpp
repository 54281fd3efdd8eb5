#include "lib/http/in_process.h"

#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "lib/telemetry/log.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace wherry::http {
namespace {

class TwoChunks : public BodySource {
 public:
  Task<Result<std::optional<Chunk>>> Next() override {
    std::optional<Chunk> chunk;
    if (++count_ <= 2) {
      chunk.emplace();
      chunk->bytes = std::make_shared<std::string>(count_ == 1 ? "one " : "two");
    }
    co_return chunk;
  }

 private:
  int count_ = 0;
};

class Recorder : public Handler {
 public:
  Task<Response> Handle(Request request) override {
    last = std::move(request);
    Response response;
    response.stream = std::make_unique<TwoChunks>();
    co_return response;
  }
  Request last;
};

Task<void> Ask(RoundTripper& transport, bool stream, std::optional<Response>* out) {
  auto asking = transport.RoundTrip(Request(), stream);
  auto response = co_await std::move(asking);
  if (response.ok()) *out = std::move(*response);
}

TEST(InProcessRoundTripperTest, FillsInTheUserAndCollectsStreams) {
  SimWorld world(1);
  Recorder handler;
  InProcessRoundTripper transport(handler, {.user = UserInfo{.name = "system:admin"}});
  std::optional<Response> whole;
  std::optional<Response> streamed;
  TaskScope scope(world.world().loop);
  scope.Spawn("whole", Ask(transport, false, &whole));
  scope.Spawn("streamed", Ask(transport, true, &streamed));
  world.Settle();
  EXPECT_EQ(handler.last.authenticated_user->name, "system:admin");
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->body, "one two");
  EXPECT_EQ(whole->stream, nullptr);
  ASSERT_TRUE(streamed);
  EXPECT_NE(streamed->stream, nullptr);
}

// Throws where it is told to.
class Thrower : public Handler {
 public:
  class Stream : public BodySource {
   public:
    Task<Result<std::optional<Chunk>>> Next() override {
      throw std::runtime_error("in the body");
      co_return std::nullopt;
    }
  };
  Task<Response> Handle(Request request) override {
    if (request.target == "/throw") throw std::runtime_error("at once");
    Response response;
    response.stream = std::make_unique<Stream>();
    co_return response;
  }
};

Task<void> AskThrower(RoundTripper& transport, std::string target, std::vector<Reason>* reasons) {
  Request request;
  request.target = std::move(target);
  auto asking = transport.RoundTrip(std::move(request), true);
  auto response = co_await std::move(asking);
  if (!response.ok()) {
    reasons->push_back(response.error().reason);
    co_return;
  }
  auto pulling = response->stream->Next();
  auto chunk = co_await std::move(pulling);
  if (!chunk.ok()) reasons->push_back(chunk.error().reason);
}

// What a server would answer with a 500 does not end the caller's task.
TEST(InProcessRoundTripperTest, AHandlerThatThrowsIsAnError) {
  SimWorld world(1);
  telemetry::LogCapture logs;
  Thrower handler;
  InProcessRoundTripper transport(handler);
  std::vector<Reason> reasons;
  TaskScope scope(world.world().loop);
  scope.Spawn("handler", AskThrower(transport, "/throw", &reasons));
  world.Settle();
  scope.Spawn("stream", AskThrower(transport, "/stream", &reasons));
  world.Settle();
  EXPECT_EQ(reasons, (std::vector<Reason>{Reason::kInternalError, Reason::kInternalError}));
  EXPECT_EQ(logs.lines().size(), 2U);
}

}  // namespace
}  // namespace wherry::http
