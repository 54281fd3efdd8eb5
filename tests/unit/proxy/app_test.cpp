// Shows that the proxy applies once, leaves alone what is intact, and puts back what others took.

#include "proxy/app.h"

#include "lib/http/in_process.h"
#include "lib/loop/sync.h"
#include "proto/api/meta/v1.pb.h"

#include <gtest/gtest.h>

namespace wherry::proxy {
namespace {

using namespace std::chrono_literals;

// One list without items; a watch of it never has anything.
class EmptyBody : public http::BodySource {
 public:
  EmptyBody(Loop& loop, bool is_watch) : is_watch_(is_watch), never_(loop) {}
  Task<Result<std::optional<http::Chunk>>> Next() override {
    if (is_watch_) co_await never_.Wait();
    if (std::exchange(ended_, true)) co_return std::optional<http::Chunk>();
    auto meta = std::make_shared<api::meta::v1::ListMeta>();
    meta->set_resourceversion("1");
    http::Chunk chunk;
    chunk.object = std::move(meta);
    co_return std::optional<http::Chunk>(std::move(chunk));
  }

 private:
  bool is_watch_;
  bool ended_ = false;
  Notifier never_;
};

class EmptyApi : public http::Handler {
 public:
  explicit EmptyApi(Loop& loop) : loop_(loop) {}
  Task<http::Response> Handle(http::Request request) override {
    http::Response response;
    const bool is_watch = request.target.find("watch=") != std::string::npos;
    response.stream = std::make_unique<EmptyBody>(loop_, is_watch);
    co_return response;
  }

 private:
  Loop& loop_;
};

struct FakeDataplane : public dataplane::Dataplane {
  std::string_view name() const override { return "fake"; }
  Task<Status> Apply(services::Table /*table*/) override {
    ++applied;
    intact = true;
    co_return Ok();
  }
  Task<Result<bool>> Intact() override { co_return intact; }
  Task<Status> Cleanup() override { co_return Ok(); }
  int applied = 0;
  bool intact = false;
};

TEST(ProxyAppTest, PutsBackWithinFiveSecondsWhatOthersTook) {
  SimWorld sim(1);
  EmptyApi api(sim.world().loop);
  http::InProcessRoundTripper transport(api);
  client::ApiClient client(sim.world().loop, transport, {.in_process = true});
  FakeDataplane dataplane;
  App app(sim.world(), client, dataplane, {.node_name = "n1"});
  app.Start();
  sim.Settle();
  EXPECT_TRUE(app.HasSynced());
  EXPECT_EQ(dataplane.applied, 1);
  sim.Advance(1min);
  EXPECT_EQ(dataplane.applied, 1) << "nobody changed anything";
  dataplane.intact = false;
  sim.Advance(5s);
  EXPECT_EQ(dataplane.applied, 2);
}

}  // namespace
}  // namespace wherry::proxy
