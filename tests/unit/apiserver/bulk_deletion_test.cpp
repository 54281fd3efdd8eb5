// Deletions of collections leave room in the store for everybody else.

#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "tests/unit/apiserver/api_fixture.h"

#include <algorithm>

namespace wherry::apiserver {
namespace {

// A store that takes its time, and notes how many writes it had at once.
class BusyStore : public storage::Store {
 public:
  BusyStore(Loop& loop, storage::Store& inner) : loop_(loop), inner_(inner) {}

  Task<Result<std::vector<storage::WriteResult>>> WriteBatch(
      std::vector<storage::CompareAndSet> writes) override {
    most_ = std::max(most_, ++running_);
    if (to_hold_ > 0) {
      --to_hold_;
      co_await released_.Wait();
    }
    for (int i = 0; i < 5; ++i) co_await Yield(loop_);
    auto writing = inner_.WriteBatch(std::move(writes));
    auto results = co_await std::move(writing);
    --running_;
    co_return results;
  }
  Task<Result<storage::WriteResult>> Write(storage::CompareAndSet write) override {
    return inner_.Write(std::move(write));
  }
  Task<Result<std::optional<storage::KeyValue>>> Get(storage::Key key) override {
    return inner_.Get(std::move(key));
  }
  Task<Result<storage::ListResult>> List(storage::ListOptions options) override {
    return inner_.List(std::move(options));
  }
  Result<std::unique_ptr<storage::Watcher>> Watch(std::string prefix,
                                                  storage::Revision after) override {
    return inner_.Watch(std::move(prefix), after);
  }
  Task<Result<storage::HistoryPage>> History(std::string prefix, storage::Revision after,
                                             storage::Revision upto) override {
    return inner_.History(std::move(prefix), after, upto);
  }
  storage::Revision CurrentRevision() const override { return inner_.CurrentRevision(); }
  Task<Status> Compact(storage::Revision revision) override { return inner_.Compact(revision); }
  storage::Revision CompactedRevision() const override { return inner_.CompactedRevision(); }

  int most() const { return most_; }
  // The next writes wait for Release.
  void Hold(int writes) { to_hold_ = writes; }
  void Release() { released_.Notify(); }

 private:
  Loop& loop_;
  storage::Store& inner_;
  Notifier released_{loop_};
  int to_hold_ = 0;
  int running_ = 0;
  int most_ = 0;
};

class BulkDeletion : public ApiFixture {
 protected:
  void SetUp() override {
    store_ = std::make_unique<storage::MemoryStore>(sim_.world());
    busy_ = std::make_unique<BusyStore>(sim_.world().loop, *store_);
    App::Options options;
    options.tokens["admin-token"] = http::UserInfo{.name = "admin", .groups = {"system:masters"}};
    app_ = std::make_unique<App>(sim_.world(), *busy_, std::move(options));
    TaskScope scope(sim_.world().loop);
    scope.Spawn("start", [](App& app) -> Task<void> {
      auto starting = app.Start();
      const Status started = co_await std::move(starting);
      EXPECT_TRUE(started.ok());
    }(*app_));
    sim_.Settle();
    ASSERT_TRUE(app_->ready());
  }
  void TearDown() override { app_.reset(); }

  Task<void> Delete(std::string ns) {
    http::Request request;
    request.method = "DELETE";
    request.target = "/api/v1/namespaces/" + ns + "/configmaps";
    request.headers.Set("Authorization", "Bearer admin-token");
    auto handling = app_->handler().Handle(std::move(request));
    const http::Response response = co_await std::move(handling);
    EXPECT_EQ(response.status, 200);
    ++answered_;
  }

  std::unique_ptr<BusyStore> busy_;
  int answered_ = 0;
};

TEST_F(BulkDeletion, AllCollectionsTogetherHaveABoundedNumberOfWritesUnderWay) {
  const std::vector<std::string> namespaces = {"a", "b", "c"};
  for (const std::string& ns : namespaces) {
    ASSERT_EQ(Post("/api/v1/namespaces", R"({"metadata":{"name":")" + ns + R"("}})").status, 201);
    for (int i = 0; i < 700; ++i) {
      const std::string path = "/api/v1/namespaces/" + ns + "/configmaps";
      ASSERT_EQ(Post(path, R"({"metadata":{"name":"c)" + std::to_string(i) + R"("}})").status, 201);
    }
  }
  TaskScope scope(sim_.world().loop);
  for (const std::string& ns : namespaces) scope.Spawn("delete", Delete(ns));
  sim_.Settle();
  EXPECT_EQ(answered_, 3);
  EXPECT_GT(busy_->most(), 100) << "they share transactions";
  EXPECT_LE(busy_->most(), 512);
  EXPECT_TRUE(Get("/api/v1/namespaces/a/configmaps").body["items"].empty());
}

// Only what was listed goes: one that took its name while the deletion waited for a place stays.
TEST_F(BulkDeletion, LeavesWhatIsNew) {
  const std::string path = "/api/v1/namespaces/a/configmaps";
  ASSERT_EQ(Post("/api/v1/namespaces", R"({"metadata":{"name":"a"}})").status, 201);
  for (int i = 0; i < 600; ++i) {
    ASSERT_EQ(Post(path, R"({"metadata":{"name":"c)" + std::to_string(i) + R"("}})").status, 201);
  }
  ASSERT_EQ(Post(path, R"({"metadata":{"name":"z"}})").status, 201);
  busy_->Hold(512);
  TaskScope scope(sim_.world().loop);
  scope.Spawn("delete", Delete("a"));
  sim_.Settle();
  ASSERT_EQ(Ask("DELETE", path + "/z").status, 200);
  ASSERT_EQ(Post(path, R"({"metadata":{"name":"z"}})").status, 201);
  busy_->Release();
  sim_.Settle();
  EXPECT_EQ(answered_, 1);
  const Answer left = Get(path);
  ASSERT_EQ(left.body["items"].size(), 1U);
  EXPECT_EQ(left.body["items"][0]["metadata"]["name"], "z");
}

}  // namespace
}  // namespace wherry::apiserver
