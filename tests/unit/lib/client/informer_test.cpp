#include "lib/client/informer.h"

#include "lib/api/kind_registry.h"
#include "lib/http/in_process.h"
#include "lib/telemetry/log.h"
#include "proto/api/core/v1.pb.h"
#include "tests/unit/lib/client/fake_api.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace wherry::client {
namespace {

using api::core::v1::Pod;
using std::chrono::seconds;

// Over shared objects (in process) and over bytes: callers must not see a difference.
class InformerTest : public testing::TestWithParam<bool> {
 protected:
  InformerTest() {
    informer_.AddHandlers({
        .on_change =
            [this](const MessagePtr& old_object, const MessagePtr& object) {
              seen_.push_back((old_object ? "~" : "+") + KeyOf(*object));
            },
        .on_delete = [this](const MessagePtr& object) { seen_.push_back("-" + KeyOf(*object)); },
    });
    informer_.AddIndex("node", [](const google::protobuf::Message& object) {
      return std::vector{static_cast<const Pod&>(object).spec().nodename()};
    });
  }
  void StartAndSync() {
    informer_.Start();
    world_.Settle();
    ASSERT_TRUE(informer_.HasSynced());
    seen_.clear();
  }
  // The callbacks since the last call.
  std::vector<std::string> Seen() { return std::exchange(seen_, {}); }
  using Lines = std::vector<std::string>;

  SimWorld world_{7};
  Loop& loop_ = world_.world().loop;
  telemetry::LogCapture logs_;
  FakeApi api_{loop_};
  http::InProcessRoundTripper transport_{api_};
  ApiClient client_{loop_, transport_, {.in_process = GetParam()}};
  Informer informer_{world_.world(), client_, api::KindOf<Pod>()};
  std::vector<std::string> seen_;
};

INSTANTIATE_TEST_SUITE_P(Transports, InformerTest, testing::Bool(), [](const auto& param_info) {
  return param_info.param ? "Objects" : "Bytes";
});

TEST_P(InformerTest, ListsThenFollows) {
  api_.Put("a");
  api_.Put("b");
  informer_.Start();
  EXPECT_FALSE(informer_.HasSynced());
  world_.Settle();
  EXPECT_TRUE(informer_.HasSynced());
  Lines first = Seen();
  std::sort(first.begin(), first.end());
  EXPECT_EQ(first, (Lines{"+default/a", "+default/b"}));
  api_.Put("c");
  api_.Put("a");
  api_.Delete("b");
  world_.Settle();
  EXPECT_EQ(Seen(), (Lines{"+default/c", "~default/a", "-default/b"}));
  EXPECT_EQ(informer_.size(), 2U);
  EXPECT_EQ(informer_.Get("default/b"), nullptr);
  const Lister<Pod> pods(informer_);
  ASSERT_NE(pods.Get("default", "a"), nullptr);
  EXPECT_EQ(pods.Get("default", "a")->metadata().uid(), "uid-a");
}

TEST_P(InformerTest, IndexFollowsChanges) {
  StartAndSync();
  api_.Put("a", "n1");
  api_.Put("b", "n1");
  world_.Settle();
  EXPECT_EQ(informer_.ByIndex("node", "n1").size(), 2U);
  api_.Put("a", "n2");
  api_.Delete("b");
  world_.Settle();
  EXPECT_TRUE(informer_.ByIndex("node", "n1").empty());
  ASSERT_EQ(informer_.ByIndex("node", "n2").size(), 1U);
  EXPECT_EQ(KeyOf(*informer_.ByIndex("node", "n2")[0]), "default/a");
}

TEST_P(InformerTest, ALostConnectionResumesWithoutListing) {
  StartAndSync();
  api_.Put("a");
  world_.Settle();
  api_.EndWatches(true);
  world_.Settle();
  api_.Put("b");
  EXPECT_EQ(Seen(), Lines{"+default/a"});
  world_.Advance(seconds(2));
  EXPECT_EQ(Seen(), Lines{"+default/b"});
  EXPECT_EQ(api_.Count("watch=true"), 2);
  EXPECT_EQ(api_.requests.size(), 3U);
  EXPECT_EQ(api_.Count("resourceVersion=11"), 1);
}

TEST_P(InformerTest, AWatchThatEndsInGoodOrderResumesAtOnce) {
  StartAndSync();
  api_.Put("a");
  world_.Settle();
  api_.EndWatches(false);
  api_.Put("b");
  world_.Settle();
  EXPECT_EQ(Seen(), (Lines{"+default/a", "+default/b"}));
}

TEST_P(InformerTest, WatchesThatEndAtOnceDoNotSpin) {
  StartAndSync();
  for (int i = 0; i < 1000; ++i) {
    api_.EndWatches(false);
    world_.Settle();
    world_.Advance(std::chrono::milliseconds(10));
  }
  EXPECT_LT(api_.requests.size(), 20U);
}

TEST_P(InformerTest, BookmarksMoveTheResumePoint) {
  StartAndSync();
  api_.Bookmark();
  world_.Settle();
  EXPECT_TRUE(Seen().empty());
  api_.Compact();
  api_.EndWatches(true);
  world_.Advance(seconds(2));
  EXPECT_EQ(api_.requests.size(), 3U);
  EXPECT_EQ(api_.Count("resourceVersion=11"), 1);
}

TEST_P(InformerTest, AnExpiredRevisionListsAgainAndShowsDeletions) {
  api_.Put("gone");
  api_.Put("same");
  StartAndSync();
  api_.EndWatches(true);
  world_.Settle();
  api_.Delete("gone");
  api_.Put("new");
  api_.Compact();
  world_.Advance(seconds(60));
  // What is gone first: the new one may have its place.
  EXPECT_EQ(Seen(), (Lines{"-default/gone", "+default/new"}));
  api_.Put("more");
  world_.Settle();
  EXPECT_EQ(Seen(), Lines{"+default/more"});
}

TEST_P(InformerTest, AnOutageIsWaitedOutWithGrowingDelays) {
  api_.outage = MakeError(Reason::kServiceUnavailable, "starting");
  api_.Put("a");
  informer_.Start();
  world_.Advance(seconds(300));
  EXPECT_FALSE(informer_.HasSynced());
  // 0.8 s doubled to 30 s, up to twice that with jitter: about ten tries in five minutes.
  EXPECT_GE(api_.requests.size(), 8U);
  EXPECT_LE(api_.requests.size(), 20U);
  EXPECT_TRUE(logs_.Contains(telemetry::Level::kWarn, "list failed"));
  api_.outage.reset();
  world_.Advance(seconds(61));
  EXPECT_TRUE(informer_.HasSynced());
  EXPECT_EQ(Seen(), Lines{"+default/a"});
}

TEST_P(InformerTest, PagesAreJoined) {
  api_.page = 2;
  for (const char* name : {"a", "b", "c", "d", "e"}) api_.Put(name);
  StartAndSync();
  EXPECT_EQ(informer_.size(), 5U);
  EXPECT_EQ(api_.Count("continue="), 2);
}

// A list of any size is read: no answer is larger than a page.
TEST_P(InformerTest, ListsAreAskedForInPages) {
  for (int i = 0; i < 1100; ++i) api_.Put("pod-" + std::to_string(i));
  StartAndSync();
  EXPECT_EQ(informer_.size(), 1100U);
  EXPECT_EQ(api_.Count("limit=500"), 3);
  EXPECT_EQ(api_.Count("continue="), 2);
}

TEST_P(InformerTest, WaitForSyncEndsWithTheFirstList) {
  bool synced = false;
  TaskScope scope(loop_);
  scope.Spawn("wait", [](Informer& informer, bool* done) -> Task<void> {
    auto waiting = informer.WaitForSync();
    co_await std::move(waiting);
    *done = true;
  }(informer_, &synced));
  world_.Settle();
  EXPECT_FALSE(synced);
  informer_.Start();
  world_.Settle();
  EXPECT_TRUE(synced);
}

}  // namespace
}  // namespace wherry::client
