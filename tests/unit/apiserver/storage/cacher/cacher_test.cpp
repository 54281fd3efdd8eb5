// Shows the object API: indexed lists and watches, shared frames, what happens when following
// breaks.

#include "apiserver/storage/cacher/cacher.h"

#include "apiserver/storage/memory/memory_store.h"
#include "lib/loop/task_scope.h"
#include "tests/unit/apiserver/storage/cacher/test_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wherry::apiserver::storage {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

std::string Pod(std::string_view name, std::string_view node, std::string_view app = "web") {
  return R"({"metadata":{"name":")" + std::string(name) + R"(","labels":{"app":")" +
         std::string(app) + R"("}},"spec":{"nodeName":")" + std::string(node) + R"("}})";
}
Selection OnNode(std::string node) {
  return {.prefix = "/pods/", .index = IndexTerm{"spec.nodeName", std::move(node)}};
}
Selection WithApp(std::string app) {
  return {.prefix = "/pods/",
          .matches = [app](const CachedObject& object) { return object.label("app") == app; }};
}

class CacherTest : public testing::Test {
 protected:
  CacherTest() {
    Cacher::Options limits;
    limits.watch_queue_events_max = 8;
    limits.hot_events = 4;
    cacher = std::make_unique<Cacher>(sim.world().loop, store, limits);
    cacher->Register("/pods/", codec);
    CHECK_OK(Await(cacher->Start()));
  }

  template <typename T>
  T Await(Task<T> task) {
    std::optional<T> result;
    TaskScope scope(sim.world().loop);
    scope.Spawn("await", Deliver(std::move(task), &result));
    CHECK(sim.RunUntil([&] { return result.has_value(); }, 60s));
    return std::move(*result);
  }
  template <typename T>
  static Task<void> Deliver(Task<T> task, std::optional<T>* result) {
    auto value = co_await std::move(task);
    result->emplace(std::move(value));
  }

  ObjectPtr Put(Key key, std::string value) {
    const ObjectPtr present = cacher->GetObject(key);
    CompareAndSet write{.key = std::move(key), .expected = present ? present->revision() : 0};
    write.value = std::move(value);
    auto result = Await(cacher->WriteObject(std::move(write)));
    CHECK(result.ok() && result->committed);
    return result->object;
  }
  ObjectPtr Remove(Key key) {
    const Revision expected = cacher->GetObject(key)->revision();
    CompareAndSet write{.key = std::move(key), .expected = expected, .value = std::nullopt};
    auto result = Await(cacher->WriteObject(std::move(write)));
    CHECK(result.ok() && result->committed);
    return result->object;
  }
  std::vector<std::string> List(Selection selection) {
    ObjectListOptions options{.selection = std::move(selection)};
    auto list = Await(cacher->ListObjects(std::move(options)));
    CHECK_OK(list);
    std::vector<std::string> keys;
    for (const ObjectPtr& object : list->items) keys.push_back(object->key());
    return keys;
  }
  std::unique_ptr<ObjectWatcher> Watch(Selection selection, Revision after = 0) {
    auto watcher = cacher->WatchObjects(std::move(selection), after);
    CHECK_OK(watcher);
    return std::move(*watcher);
  }
  std::vector<std::string> Next(ObjectWatcher& watcher) {
    auto items = Await(watcher.Next(sim.world().loop.MonotonicNow() + 1s));
    CHECK_OK(items);
    std::vector<std::string> story;
    for (const WatchItem& item : *items) {
      story.push_back(std::string(WatchTypeName(item.type)) + " " + item.object()->key() + "@" +
                      std::to_string(item.object()->revision()));
    }
    return story;
  }

  SimWorld sim{1};
  MemoryStore store{sim.world()};
  std::shared_ptr<TestCodec> codec = std::make_shared<TestCodec>();
  std::unique_ptr<Cacher> cacher;
};

TEST_F(CacherTest, ListsByIndexFollowEveryChange) {
  Put("/pods/a/1", Pod("1", "n1"));
  Put("/pods/b/2", Pod("2", "n1"));
  Put("/pods/a/3", Pod("3", ""));
  EXPECT_THAT(List(OnNode("n1")), ElementsAre("/pods/a/1", "/pods/b/2"));
  EXPECT_THAT(List(OnNode("")), ElementsAre("/pods/a/3"));
  EXPECT_THAT(List(OnNode("n2")), IsEmpty());
  Put("/pods/a/3", Pod("3", "n2"));
  Remove("/pods/a/1");
  EXPECT_THAT(List(OnNode("n1")), ElementsAre("/pods/b/2"));
  EXPECT_THAT(List(OnNode("n2")), ElementsAre("/pods/a/3"));
  Selection in_namespace = OnNode("n2");
  in_namespace.prefix = "/pods/b/";
  EXPECT_THAT(List(std::move(in_namespace)), IsEmpty());
}

TEST_F(CacherTest, ListsByPredicateAreLimitedByWhatMatches) {
  for (int i = 0; i < 10; ++i)
    Put("/pods/a/" + std::to_string(i), Pod("x", "n1", i % 2 == 0 ? "even" : "odd"));
  ObjectListOptions options{.selection = WithApp("odd"), .limit = 3};
  auto first = Await(cacher->ListObjects(options));
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->items.size(), 3u);
  EXPECT_TRUE(first->more);
  EXPECT_EQ(first->remaining, std::nullopt);
  options.start_after = first->items.back()->key();
  options.revision = first->revision;
  Put("/pods/a/9", Pod("x", "n1", "even"));
  auto second = Await(cacher->ListObjects(options));
  ASSERT_TRUE(second.ok());
  ASSERT_EQ(second->items.size(), 2u);
  EXPECT_EQ(second->items[1]->key(), "/pods/a/9");
  EXPECT_FALSE(second->more);
}

TEST_F(CacherTest, ListsEndWithThePrefixAndAtTheLimitWhereverTheTableIsCut) {
  std::map<std::string, std::vector<std::string>> keys;
  for (const char* ns : {"a", "b", "c"}) {
    const std::string prefix = "/pods/" + std::string(ns) + "/";
    for (int i = 100; i < 400; ++i) {
      keys[prefix].push_back(prefix + std::to_string(i));
      Put(keys[prefix].back(), Pod("x", i % 3 == 0 ? "n1" : "n2"));
    }
  }
  for (const auto& [prefix, all] : keys) {
    for (const size_t limit : {0u, 1u, 127u, 128u, 129u, 256u, 299u, 300u, 301u}) {
      for (const size_t skipped : {0u, 1u, 127u, 128u, 200u, 300u}) {
        ObjectListOptions options{.selection = {.prefix = prefix},
                                  .limit = static_cast<int64_t>(limit)};
        if (skipped > 0) options.start_after = all[skipped - 1];
        const auto list = Await(cacher->ListObjects(options));
        ASSERT_TRUE(list.ok());
        const size_t left = all.size() - skipped;
        const size_t count = limit == 0 ? left : std::min(limit, left);
        ASSERT_EQ(list->items.size(), count) << prefix << " " << limit << " after " << skipped;
        for (size_t i = 0; i < count; ++i) ASSERT_EQ(list->items[i]->key(), all[skipped + i]);
        EXPECT_EQ(list->more, count < left);
        EXPECT_EQ(list->remaining, static_cast<int64_t>(left - count));
      }
    }
    Selection on_node = OnNode("n1");
    on_node.prefix = prefix;
    EXPECT_EQ(List(std::move(on_node)).size(), 100u);
  }
}

TEST_F(CacherTest, ListReadsOldRevisionsFromTheStoreWhenTheWindowHasPassed) {
  const Revision before = Put("/pods/a/1", Pod("1", "n1"))->revision();
  for (int i = 0; i < 3'000; ++i) Put("/pods/a/1", Pod("1", "n2"));
  ObjectListOptions options{.selection = OnNode("n1"), .revision = before};
  auto list = Await(cacher->ListObjects(options));
  ASSERT_TRUE(list.ok());
  ASSERT_EQ(list->items.size(), 1u);
  EXPECT_EQ(list->items[0]->revision(), before);
  options.selection = OnNode("n2");
  EXPECT_THAT(Await(cacher->ListObjects(options))->items, IsEmpty());
}

TEST_F(CacherTest, WriteResultsAreTheSharedObjects) {
  const ObjectPtr created = Put("/pods/a/1", Pod("1", "n1"));
  EXPECT_EQ(created, cacher->GetObject("/pods/a/1"));
  CompareAndSet stale{.key = "/pods/a/1", .expected = 77, .value = "{}"};
  auto refused = Await(cacher->WriteObject(std::move(stale)));
  ASSERT_TRUE(refused.ok());
  EXPECT_FALSE(refused->committed);
  EXPECT_EQ(refused->object, created);
  const ObjectPtr deleted = Remove("/pods/a/1");
  EXPECT_EQ(deleted->revision(), created->revision() + 1);
  EXPECT_EQ(*deleted->kv().value, *created->kv().value);
  EXPECT_EQ(cacher->GetObject("/pods/a/1"), nullptr);
}

TEST_F(CacherTest, BatchWrittenObjectsAreEachTheirOwnRevision) {
  std::vector<CompareAndSet> writes;
  writes.push_back({.key = "/pods/a/1", .expected = 0, .value = Pod("1", "n1")});
  writes.push_back({.key = "/pods/a/1", .expected = 2, .value = Pod("1", "n2")});
  writes.push_back({.key = "/pods/a/1", .expected = 3, .value = std::nullopt});
  auto results = Await(cacher->WriteObjects(std::move(writes)));
  ASSERT_TRUE(results.ok());
  ASSERT_EQ(results->size(), 3u);
  EXPECT_EQ((*results)[0].object->field("spec.nodeName"), "n1");
  EXPECT_EQ((*results)[1].object->field("spec.nodeName"), "n2");
  EXPECT_EQ((*results)[2].object->revision(), 4);
}

TEST_F(CacherTest, WatchTellsObjectsThatEnterAndLeaveTheSelection) {
  auto by_index = Watch(OnNode("n1"));
  auto by_label = Watch(WithApp("web"));
  auto all = Watch({.prefix = "/pods/"});
  Put("/pods/a/1", Pod("1", ""));           // 2
  Put("/pods/a/1", Pod("1", "n1"));         // 3
  Put("/pods/a/1", Pod("1", "n1", "db"));   // 4
  Put("/pods/a/1", Pod("1", "n2", "web"));  // 5
  Remove("/pods/a/1");                      // 6
  EXPECT_THAT(Next(*by_index),
              ElementsAre("ADDED /pods/a/1@3", "MODIFIED /pods/a/1@4", "DELETED /pods/a/1@5"));
  EXPECT_THAT(Next(*by_label),
              ElementsAre("ADDED /pods/a/1@2", "MODIFIED /pods/a/1@3", "DELETED /pods/a/1@4",
                          "ADDED /pods/a/1@5", "DELETED /pods/a/1@6"));
  EXPECT_THAT(Next(*all),
              ElementsAre("ADDED /pods/a/1@2", "MODIFIED /pods/a/1@3", "MODIFIED /pods/a/1@4",
                          "MODIFIED /pods/a/1@5", "DELETED /pods/a/1@6"));
  // Resumed from the window, the story is the same.
  auto resumed = Watch(OnNode("n1"), 1);
  EXPECT_THAT(Next(*resumed),
              ElementsAre("ADDED /pods/a/1@3", "MODIFIED /pods/a/1@4", "DELETED /pods/a/1@5"));
}

TEST_F(CacherTest, WatchResumedFromStoredHistorySeesSelectionsToo) {
  Put("/pods/a/1", Pod("1", "n1"));
  Put("/pods/a/1", Pod("1", "n2"));
  for (int i = 0; i < 3'000; ++i) Put("/pods/other", Pod("2", "n3"));
  auto resumed = Watch(OnNode("n1"), 1);
  EXPECT_THAT(Next(*resumed), ElementsAre("ADDED /pods/a/1@2", "DELETED /pods/a/1@3"));
  EXPECT_EQ(resumed->progress(), cacher->CurrentRevision());
}

TEST_F(CacherTest, FramesAreMadeOnceForAllWatchers) {
  auto one = Watch({.prefix = "/pods/"});
  auto two = Watch(WithApp("web"));
  Put("/pods/a/1", Pod("1", "n1"));
  auto first = Await(one->Next());
  auto second = Await(two->Next());
  ASSERT_TRUE(first.ok() && second.ok());
  for (WatchEncoding encoding : {WatchEncoding::kJson, WatchEncoding::kProtobuf}) {
    auto frame = (*first)[0].Frame(encoding);
    auto same = (*second)[0].Frame(encoding);
    ASSERT_TRUE(frame.ok() && same.ok());
    EXPECT_EQ(*frame, *same);
  }
  EXPECT_EQ(codec->encoded, 1);
  EXPECT_EQ(**(*first)[0].Frame(WatchEncoding::kJson),
            R"({"type":"ADDED","object":{"metadata":{"resourceVersion":"2","name":"1",)"
            R"("labels":{"app":"web"}},"spec":{"nodeName":"n1"}}})"
            "\n");
  // Once it is old, its frames are nobody's but the asker's.
  for (int i = 0; i < 5; ++i) Put("/pods/a/2", Pod("2", "n1"));
  EXPECT_NE(*(*first)[0].Frame(WatchEncoding::kJson), *(*second)[0].Frame(WatchEncoding::kJson));
}

TEST_F(CacherTest, ProtobufFrameIsALengthPrefixedWatchEvent) {
  EXPECT_EQ(MakeWatchFrame("ADDED", "xyz", WatchEncoding::kProtobuf),
            std::string("\0\0\0\x0e\x0a\x05"
                        "ADDED\x12\x05\x0a\x03xyz",
                        18));
  const std::string big(300, 'x');
  const std::string frame = MakeWatchFrame("ADDED", big, WatchEncoding::kProtobuf);
  EXPECT_EQ(frame.substr(0, 4), std::string("\0\0\x01\x39", 4));
  EXPECT_EQ(frame.size(), 4u + 0x139);
}

TEST_F(CacherTest, DeadlineEndsAnEmptyWait) {
  auto watcher = Watch({.prefix = "/pods/"});
  const MonotonicTime start = sim.world().loop.MonotonicNow();
  auto nothing = Await(watcher->Next(start + 30s));
  ASSERT_TRUE(nothing.ok());
  EXPECT_THAT(*nothing, IsEmpty());
  EXPECT_EQ(sim.world().loop.MonotonicNow(), start + 30s);
  Put("/pods/a/1", Pod("1", "n1"));
  EXPECT_THAT(Next(*watcher), ElementsAre("ADDED /pods/a/1@2"));
}

TEST_F(CacherTest, KindsMayBeRegisteredWhileObjectsAreThere) {
  Put("/widgets/a", Pod("a", "n1"));
  EXPECT_FALSE(cacher->GetObject("/widgets/a")->message().ok());
  cacher->Register("/widgets/", codec);
  EXPECT_TRUE(cacher->GetObject("/widgets/a")->message().ok());
  Selection selection{.prefix = "/widgets/", .index = IndexTerm{"spec.nodeName", "n1"}};
  EXPECT_THAT(List(std::move(selection)), ElementsAre("/widgets/a"));
}

TEST_F(CacherTest, StartsWithWhatTheStoreHolds) {
  Put("/pods/a/1", Pod("1", "n1"));
  Put("/pods/a/2", Pod("2", "n1"));
  Cacher second(sim.world().loop, store);
  second.Register("/pods/", codec);
  ASSERT_TRUE(Await(second.Start()).ok());
  EXPECT_EQ(second.CurrentRevision(), 3);
  EXPECT_EQ(second.Count("/pods/"), 2);
  ObjectListOptions options{.selection = OnNode("n1")};
  EXPECT_EQ(Await(second.ListObjects(options))->items.size(), 2u);
}

TEST_F(CacherTest, AWriteThatFailsChangesNothing) {
  auto watcher = Watch({.prefix = "/pods/"});
  sim.SetFault("storage.commit", 1);
  CompareAndSet write{.key = "/pods/a/1", .expected = 0, .value = Pod("1", "n1")};
  auto failed = Await(cacher->WriteObject(write));
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().reason, Reason::kInternalError);
  EXPECT_EQ(cacher->GetObject("/pods/a/1"), nullptr);
  sim.SetFault("storage.commit", 0);
  // An answer that is lost is another matter: the write is there.
  sim.SetFault("storage.commit.reply", 1);
  ASSERT_FALSE(Await(cacher->WriteObject(write)).ok());
  sim.SetFault("storage.commit.reply", 0);
  EXPECT_THAT(Next(*watcher), ElementsAre("ADDED /pods/a/1@2"));
  EXPECT_NE(cacher->GetObject("/pods/a/1"), nullptr);
}

TEST_F(CacherTest, WhenFollowingBreaksEverythingIsReadAgain) {
  // A store that closes watchers after two events, and writes of which the cacher hears nothing.
  MemoryStore small(sim.world(), {.watch_queue_events_max = 2});
  Cacher over(sim.world().loop, small);
  over.Register("/pods/", codec);
  ASSERT_TRUE(Await(over.Start()).ok());
  sim.Settle();
  Selection everything{.prefix = "/pods/"};
  auto watcher = over.WatchObjects(everything, 0);
  ASSERT_TRUE(watcher.ok());
  std::vector<CompareAndSet> writes;
  for (int i = 0; i < 5; ++i)
    writes.push_back({.key = "/pods/a/" + std::to_string(i), .value = Pod("x", "n1")});
  ASSERT_TRUE(Await(small.WriteBatch(std::move(writes))).ok());
  sim.Settle();
  EXPECT_EQ(over.CurrentRevision(), 6);
  EXPECT_EQ(over.Count("/pods/"), 5);
  ObjectListOptions options{.selection = OnNode("n1")};
  EXPECT_EQ(Await(over.ListObjects(options))->items.size(), 5u);
  auto next = Await((*watcher)->Next());
  ASSERT_FALSE(next.ok());
  EXPECT_EQ(next.error().reason, Reason::kExpired);
}

TEST_F(CacherTest, WatchersMayOutliveTheCacher) {
  auto watcher = Watch({.prefix = "/pods/"});
  EXPECT_EQ(cacher->watcher_count(), 1u);
  cacher.reset();
  auto next = Await(watcher->Next());
  ASSERT_FALSE(next.ok());
  EXPECT_EQ(next.error().reason, Reason::kServiceUnavailable);
}

TEST_F(CacherTest, AThousandNodesAreAskedOnlyAboutTheirOwnPods) {
  std::vector<std::unique_ptr<ObjectWatcher>> agents;
  int asked = 0;
  for (int i = 0; i < 1'000; ++i) {
    Selection selection = OnNode("n" + std::to_string(i));
    selection.matches = [&asked](const CachedObject&) { return ++asked > 0; };
    agents.push_back(Watch(std::move(selection)));
  }
  Put("/pods/a/1", Pod("1", "n7"));
  Put("/pods/a/1", Pod("1", "n8"));
  EXPECT_LE(asked, 4);
  EXPECT_THAT(Next(*agents[7]), ElementsAre("ADDED /pods/a/1@2", "DELETED /pods/a/1@3"));
  EXPECT_THAT(Next(*agents[8]), ElementsAre("ADDED /pods/a/1@3"));
  EXPECT_THAT(Next(*agents[9]), IsEmpty());
}

// Objects that nobody asks for any more are let go, however busy the key is.
TEST_F(CacherTest, AKeyThatIsNeverAtRestKeepsLittle) {
  Cacher::Options limits;
  limits.window_events = 4;
  limits.hot_events = 2;
  cacher = std::make_unique<Cacher>(sim.world().loop, store, limits);
  CHECK_OK(Await(cacher->Start()));
  std::vector<std::weak_ptr<const CachedObject>> written;
  bool stop = false;
  auto write_on = [&](int number) -> Task<void> {
    while (!stop) {
      const ObjectPtr present = cacher->GetObject("/x/busy");
      CompareAndSet write{.key = "/x/busy", .expected = present ? present->revision() : 0};
      write.value = Pod(std::to_string(number), "n1");
      auto writing = cacher->WriteObject(std::move(write));
      auto result = co_await std::move(writing);
      CHECK_OK(result);
      if (result->committed) written.push_back(result->object);
      stop = written.size() >= 200;
    }
  };
  TaskScope scope(sim.world().loop);
  scope.Spawn("one", write_on(1));
  scope.Spawn("another", write_on(2));
  CHECK(sim.RunUntil([&] { return written.size() >= 100; }, 60s));
  size_t alive = 0;
  for (const auto& object : written) alive += object.expired() ? 0 : 1;
  EXPECT_LT(alive, 20u);
}

// A watcher that reads nothing holds a bounded number of bytes.
TEST_F(CacherTest, WatchersAreBoundedInBytes) {
  Cacher::Options limits;
  limits.watch_queue_events_max = 1000;
  limits.watch_queue_bytes_max = 10'000;
  cacher = std::make_unique<Cacher>(sim.world().loop, store, limits);
  CHECK_OK(Await(cacher->Start()));
  auto slow = Watch({.prefix = "/x/"});
  auto other = Watch({.prefix = "/y/"});
  for (int i = 0; i < 5; ++i) Put("/x/" + std::to_string(i), std::string(1'500, ' '));
  EXPECT_EQ(Next(*slow).size(), 5u);
  for (int i = 0; i < 5; ++i) Put("/x/a" + std::to_string(i), std::string(1'500, ' '));
  EXPECT_EQ(Next(*slow).size(), 5u) << "what was read counts no more";
  for (int i = 0; i < 8; ++i) Put("/x/b" + std::to_string(i), std::string(1'500, ' '));
  auto ended = Await(slow->Next(sim.world().loop.MonotonicNow() + 1s));
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().reason, Reason::kExpired);
  EXPECT_THAT(Next(*other), IsEmpty());
}

}  // namespace
}  // namespace wherry::apiserver::storage
