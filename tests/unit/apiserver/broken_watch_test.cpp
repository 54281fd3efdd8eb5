// What the server's own controllers know when their watch of the store broke.

#include "apiserver/nodeconnect/node_connections.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "tests/unit/apiserver/api_fixture.h"

namespace wherry::apiserver {
namespace {

// A store whose watch breaks at the next event, which is lost.
class BreakableStore : public storage::Store {
 public:
  explicit BreakableStore(storage::Store& inner) : inner_(inner) {}

  Task<Result<std::vector<storage::WriteResult>>> WriteBatch(
      std::vector<storage::CompareAndSet> writes) override {
    return inner_.WriteBatch(std::move(writes));
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
    TRY(auto inner, inner_.Watch(std::move(prefix), after));
    return std::unique_ptr<storage::Watcher>(
        std::make_unique<BreakableWatcher>(*this, std::move(inner)));
  }
  Task<Result<storage::HistoryPage>> History(std::string prefix, storage::Revision after,
                                             storage::Revision upto) override {
    return inner_.History(std::move(prefix), after, upto);
  }
  storage::Revision CurrentRevision() const override { return inner_.CurrentRevision(); }
  Task<Status> Compact(storage::Revision revision) override { return inner_.Compact(revision); }
  storage::Revision CompactedRevision() const override { return inner_.CompactedRevision(); }

  void Break() { breaks_ = true; }

 private:
  class BreakableWatcher : public storage::Watcher {
   public:
    BreakableWatcher(BreakableStore& store, std::unique_ptr<storage::Watcher> inner)
        : store_(store), inner_(std::move(inner)) {}
    Task<Result<std::vector<storage::EventPtr>>> Next() override {
      auto waiting = inner_->Next();
      auto events = co_await std::move(waiting);
      if (std::exchange(store_.breaks_, false)) co_return MakeError(Reason::kExpired, "broken");
      co_return events;
    }
    storage::Revision progress() const override { return inner_->progress(); }

   private:
    BreakableStore& store_;
    std::unique_ptr<storage::Watcher> inner_;
  };

  storage::Store& inner_;
  bool breaks_ = false;
};

class BrokenWatch : public ApiFixture {
 protected:
  void SetUp() override {
    store_ = std::make_unique<storage::MemoryStore>(sim_.world());
    breakable_ = std::make_unique<BreakableStore>(*store_);
    Start();
    ASSERT_TRUE(app_->ready());
    Post("/api/v1/namespaces/default/serviceaccounts", R"({"metadata":{"name":"default"}})");
  }
  void TearDown() override { app_.reset(); }

  // Starts the server; returns in how many turns of the loop.
  int Start() {
    app_.reset();
    App::Options options;
    options.nodes.ca_pem = "a CA that nobody has to show";
    options.tokens["admin-token"] = http::UserInfo{.name = "admin", .groups = {"system:masters"}};
    options.tokens["node-token"] =
        http::UserInfo{.name = "system:node:n1", .groups = {"system:nodes"}};
    app_ = std::make_unique<App>(sim_.world(), *breakable_, std::move(options));
    int turns = 0;
    TaskScope scope(sim_.world().loop);
    scope.Spawn("start", [](App& app) -> Task<void> {
      auto starting = app.Start();
      const Status started = co_await std::move(starting);
      EXPECT_TRUE(started.ok());
    }(*app_));
    scope.Spawn("count", [](Loop& loop, App& app, int& count) -> Task<void> {
      for (; !app.ready(); ++count) co_await Yield(loop);
    }(sim_.world().loop, *app_, turns));
    sim_.Settle();
    return turns;
  }
  void MakePod(const std::string& name, const std::string& secret) {
    nlohmann::json pod = nlohmann::json::parse(PodJson(name));
    pod["spec"]["nodeName"] = "n1";
    pod["spec"]["volumes"] = {{{"name", "s"}, {"secret", {{"secretName", secret}}}}};
    const Answer made = Post(std::string(kPods), pod.dump());
    ASSERT_EQ(made.status, 201) << made.text;
  }
  int ReadSecret(const std::string& name) {
    return Ask("GET", "/api/v1/namespaces/default/secrets/" + name, "", "", "", "node-token")
        .status;
  }

  std::unique_ptr<BreakableStore> breakable_;
};

TEST_F(BrokenWatch, APodThatWentMeanwhileLendsNoRights) {
  Post("/api/v1/namespaces/default/secrets", R"({"metadata":{"name":"key"}})");
  MakePod("web", "key");
  EXPECT_EQ(ReadSecret("key"), 200);
  breakable_->Break();
  Ask("DELETE", std::string(kPods) + "/web?gracePeriodSeconds=0");  // its outcome is not known
  EXPECT_EQ(Get(std::string(kPods) + "/web").status, 404);
  EXPECT_EQ(ReadSecret("key"), 403);
  // It goes on.
  MakePod("again", "key");
  EXPECT_EQ(ReadSecret("key"), 200);
}

TEST_F(BrokenWatch, ANodeThatWentMeanwhileIsForgotten) {
  for (const char* name : {"n1", "n2"}) {
    const std::string node = R"({"metadata":{"name":")" + std::string(name) + R"("}})";
    ASSERT_EQ(Post("/api/v1/nodes", node).status, 201);
    ASSERT_TRUE(app_->nodes().For(name, "10.0.0.1", 10250).ok());
  }
  breakable_->Break();
  Ask("DELETE", "/api/v1/nodes/n1");  // its outcome is not known
  EXPECT_EQ(Get("/api/v1/nodes/n1").status, 404);
  EXPECT_EQ(app_->nodes().size(), 1U);
  ASSERT_EQ(Ask("DELETE", "/api/v1/nodes/n2").status, 200);
  EXPECT_EQ(app_->nodes().size(), 0U);
}

// Others have their turn while the pods of a large cluster are read.
TEST_F(BrokenWatch, ManyPodsAreReadInManyTurns) {
  const int turns_without = Start();
  for (int i = 0; i < 1000; ++i) MakePod("p" + std::to_string(i), "key");
  EXPECT_GE(Start(), turns_without + 5);
  Post("/api/v1/namespaces/default/secrets", R"({"metadata":{"name":"key"}})");
  EXPECT_EQ(ReadSecret("key"), 200);
}

}  // namespace
}  // namespace wherry::apiserver
