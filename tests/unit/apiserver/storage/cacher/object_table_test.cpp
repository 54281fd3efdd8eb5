// Shows that the table is an ordered map, whatever runs it is cut into.

#include "apiserver/storage/cacher/object_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace wherry::apiserver::storage {
namespace {

ObjectPtr Object(Key key, Revision revision) {
  KeyValue kv{.key = std::move(key),
              .value = std::make_shared<const std::string>("v"),
              .mod_revision = revision};
  return std::make_shared<const CachedObject>(std::move(kv), nullptr);
}

TEST(ObjectTableTest, FollowsAnOrderedMapThroughRandomChanges) {
  ObjectTable table;
  std::map<Key, Revision> model;
  std::mt19937 random(1);
  for (Revision step = 1; step <= 40'000; ++step) {
    // Grows, then shrinks to nothing, then grows again.
    const bool growing = (step / 10'000) % 2 == 0;
    const Key key = "/" + std::to_string(random() % 3) + "/" + std::to_string(random() % 2'000);
    if (random() % 10 < (growing ? 7u : 1u)) {
      const ObjectPtr before = table.Put(Object(key, step));
      ASSERT_EQ(before != nullptr, model.contains(key));
      if (before) ASSERT_EQ(before->revision(), model[key]);
      model[key] = step;
    } else {
      const ObjectPtr before = table.Erase(key);
      ASSERT_EQ(before != nullptr, model.contains(key));
      model.erase(key);
    }
    ASSERT_EQ(table.size(), model.size());
    if (step % 500 != 0) continue;
    auto at = table.Seek("");
    for (const auto& [expected, revision] : model) {
      ASSERT_NE(at.get(), nullptr);
      ASSERT_EQ(at.get()->key(), expected);
      ASSERT_EQ(at.get()->revision(), revision);
      at.Advance();
    }
    ASSERT_EQ(at.get(), nullptr);
    const Key pivot = "/1/" + std::to_string(random() % 2'000);
    const auto expected = std::distance(model.upper_bound(pivot), model.lower_bound("/2"));
    ASSERT_EQ(table.Count("/1/", pivot), expected);
    const ObjectPtr found = table.Find(pivot);
    ASSERT_EQ(found != nullptr, model.contains(pivot));
  }
}

TEST(ObjectTableTest, SeeksByPrefixAndPastAKey) {
  ObjectTable table;
  EXPECT_EQ(table.Seek("").get(), nullptr);
  EXPECT_EQ(table.Count(""), 0);
  EXPECT_EQ(table.Find("/a"), nullptr);
  for (const char* key : {"/a", "/a/1", "/a/2", "/b", "\xff\xff"}) table.Put(Object(key, 1));
  EXPECT_EQ(table.Count("/a"), 3);
  EXPECT_EQ(table.Count("/a/"), 2);
  EXPECT_EQ(table.Count("/a/", "/a/1"), 1);
  EXPECT_EQ(table.Count("/c"), 0);
  EXPECT_EQ(table.Count("\xff"), 1);
  EXPECT_EQ(table.Count(""), 5);
  EXPECT_EQ(table.SeekPast("/a/", "/a/1").get()->key(), "/a/2");
  EXPECT_EQ(table.SeekPast("/a/", "").get()->key(), "/a/1");
  // A place that no longer exists is as good.
  EXPECT_EQ(table.SeekPast("/a/", "/a/15").get()->key(), "/a/2");
}

}  // namespace
}  // namespace wherry::apiserver::storage
