#include "lib/http/in_process.h"

#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace wherry::http
