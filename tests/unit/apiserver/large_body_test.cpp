// Large bodies are read on a helper thread, one at a time; everything else goes on meanwhile.

#include "apiserver/authz/authorizer.h"
#include "apiserver/endpoints/read_body.h"
#include "apiserver/storage/cacher/cacher.h"
#include "lib/loop/blocking.h"
#include "lib/loop/task_scope.h"
#include "tests/unit/apiserver/api_fixture.h"

#include <deque>
#include <optional>
#include <stdexcept>

namespace wherry::apiserver {
namespace {

// Helper threads that do nothing until a test says so.
class HeldJobs : public Blocking {
 public:
  void Submit(std::function<void()> job) override { jobs.push_back(std::move(job)); }
  void RunOne() {
    auto job = std::move(jobs.front());
    jobs.pop_front();
    job();
  }
  std::deque<std::function<void()>> jobs;
};

class LargeBody : public ApiFixture {
 protected:
  void SetUp() override {
    store_ = std::make_unique<storage::MemoryStore>(sim_.world());
    App::Options options;
    options.tokens["admin-token"] = http::UserInfo{.name = "admin", .groups = {"system:masters"}};
    app_ = std::make_unique<App>(world_, *store_, std::move(options));
    scope_.Spawn("start", [](App& app) -> Task<void> {
      auto starting = app.Start();
      const Status started = co_await std::move(starting);
      EXPECT_TRUE(started.ok());
    }(*app_));
    sim_.Settle();
    ASSERT_TRUE(app_->ready());
  }
  void TearDown() override {
    scope_.Cancel();
    app_.reset();
  }

  Task<void> Run(http::Request request, http::Response* out) {
    auto handling = app_->handler().Handle(std::move(request));
    *out = co_await std::move(handling);
  }
  // Asks, and leaves the answer in `out` when it comes.
  void Begin(TaskScope& scope, http::Response& out, std::string method, std::string target,
             std::string content_type, std::string body) {
    out.status = 0;
    http::Request request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.headers.Set("Authorization", "Bearer admin-token");
    request.headers.Set("Content-Type", std::move(content_type));
    request.body = std::move(body);
    scope.Spawn("request", Run(std::move(request), &out));
    sim_.Settle();
  }
  static std::string Big() { return std::string(100'000, 'x'); }

  HeldJobs jobs_;
  World world_{sim_.world().loop, sim_.world().clock, sim_.world().random, jobs_,
               sim_.world().faults};
  TaskScope scope_{sim_.world().loop};
};

constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

TEST_F(LargeBody, IsReadBesideTheLoopOneAtATime) {
  http::Response first;
  http::Response second;
  Begin(scope_, first, "POST", kMaps, "application/json", ConfigMapJson("a", Big()));
  Begin(scope_, second, "POST", kMaps, "application/yaml",
        "metadata: {name: b}\nnonsense: 1\ndata: {k: " + Big() + "}\n");
  ASSERT_EQ(jobs_.jobs.size(), 1U);
  EXPECT_EQ(first.status, 0);
  // Everybody else is served.
  EXPECT_EQ(Post(kMaps, ConfigMapJson("small")).status, 201);
  EXPECT_EQ(Get(std::string(kMaps) + "/small").status, 200);
  jobs_.RunOne();
  sim_.Settle();
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(second.status, 0);
  ASSERT_EQ(jobs_.jobs.size(), 1U);
  jobs_.RunOne();
  sim_.Settle();
  EXPECT_EQ(second.status, 201);
  EXPECT_NE(second.headers.Get("Warning").find("unknown field \\\"nonsense\\\""), std::string::npos)
      << second.headers.Get("Warning");
  EXPECT_EQ(Get(std::string(kMaps) + "/b").body["data"]["k"], Big());
  EXPECT_TRUE(jobs_.jobs.empty());

  http::Response patched;
  Begin(scope_, patched, "PATCH", std::string(kMaps) + "/small", "application/merge-patch+json",
        R"({"data":{"k":")" + Big() + R"("}})");
  ASSERT_EQ(jobs_.jobs.size(), 1U);
  jobs_.RunOne();
  sim_.Settle();
  EXPECT_EQ(patched.status, 200);
  EXPECT_EQ(Get(std::string(kMaps) + "/small").body["data"]["k"], Big());
}

TEST_F(LargeBody, ErrorsAreAnsweredAsEver) {
  http::Response answer;
  Begin(scope_, answer, "POST", kMaps, "application/json", "{\"data\":\"" + Big());
  jobs_.RunOne();
  sim_.Settle();
  EXPECT_EQ(answer.status, 400);
  Begin(scope_, answer, "POST", kMaps, "application/json", ConfigMapJson("A b", Big()));
  jobs_.RunOne();
  sim_.Settle();
  EXPECT_EQ(answer.status, 422);
}

// Who hangs up leaves the job to its end; the next one comes after it, not beside it.
TEST_F(LargeBody, OutlivesItsRequest) {
  http::Response answer;
  {
    TaskScope gone(sim_.world().loop);
    Begin(gone, answer, "POST", kMaps, "application/json", ConfigMapJson("a", Big()));
  }
  Begin(scope_, answer, "POST", kMaps, "application/json", ConfigMapJson("b", Big()));
  ASSERT_EQ(jobs_.jobs.size(), 1U);
  jobs_.RunOne();
  sim_.Settle();
  ASSERT_EQ(jobs_.jobs.size(), 1U);
  jobs_.RunOne();
  sim_.Settle();
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(Get(std::string(kMaps) + "/a").status, 404);
}

// What is asked of an object has no reason to be large.
TEST_F(LargeBody, OfAVerbIsRefused) {
  EXPECT_EQ(Post("/apis/authentication.k8s.io/v1/tokenreviews",
                 R"({"spec":{"token":")" + Big() + R"("}})")
                .status,
            413);
  EXPECT_EQ(Ask("DELETE", std::string(kMaps) + "/a", R"({"dryRun":[")" + Big() + R"("]})").status,
            413);
  EXPECT_TRUE(jobs_.jobs.empty());
}

// What a library throws at a body is that request's error, and the end of nothing else.
TEST_F(LargeBody, ThatMakesALibraryThrow) {
  registry::KindTable table;
  const registry::Resources resources(table);
  storage::Cacher cacher(sim_.world().loop, *store_);
  registry::Store objects(world_, cacher, resources);
  const authz::NodeReferences references;
  const authz::Authorizer authorizer(references);
  endpoints::Places parsing(sim_.world().loop, 1);
  endpoints::Environment environment{
      .world = world_, .store = objects, .authorizer = authorizer, .parsing = &parsing};
  ApiRequest request;
  request.http.body = Big();
  std::optional<Result<int>> read;
  auto throwing = [](ApiRequest&) -> Result<int> { throw std::length_error("too long"); };
  scope_.Spawn("read",
               [](endpoints::Environment& given, ApiRequest& asked, auto reader,
                  std::optional<Result<int>>& out) -> Task<void> {
                 auto reading = endpoints::ReadBody<int>(given, asked, std::move(reader));
                 out = co_await std::move(reading);
               }(environment, request, throwing, read));
  sim_.Settle();
  ASSERT_EQ(jobs_.jobs.size(), 1U);
  jobs_.RunOne();
  sim_.Settle();
  ASSERT_TRUE(read.has_value());
  ASSERT_FALSE(read->ok());
  EXPECT_EQ(read->error().reason, Reason::kInternalError);
  EXPECT_EQ(read->error().message, "body not read: too long");
  EXPECT_FALSE(parsing.full());
}

}  // namespace
}  // namespace wherry::apiserver
