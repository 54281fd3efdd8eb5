// What the files of the contract share: the verbs of a store as calls that wait, and the lists and
// events of a store as text. See apiserver/storage/interface.h; each test runs on each
// implementation.
#pragma once

#include "tests/contract/storage/store_fixture.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace wherry::apiserver::storage {

using EventList = std::vector<std::shared_ptr<const Event>>;

class StorageContract : public testing::TestWithParam<StoreFactory> {
 protected:
  Store& store() { return fixture_->store(); }
  template <typename T>
  T Await(Task<T> task) {
    return fixture_->Await(std::move(task));
  }

  WriteResult Write(Key key, Revision expected, std::optional<std::string> value) {
    CompareAndSet write{.key = std::move(key), .expected = expected, .value = std::move(value)};
    auto result = Await(store().Write(std::move(write)));
    CHECK_OK(result);
    return std::move(result).value();
  }
  Revision Put(Key key, Revision expected, std::string value) {
    WriteResult result = Write(std::move(key), expected, std::move(value));
    EXPECT_TRUE(result.committed);
    return result.revision;
  }
  Revision Create(Key key, std::string value) { return Put(std::move(key), 0, std::move(value)); }
  Revision Delete(Key key, Revision expected) {
    WriteResult result = Write(std::move(key), expected, std::nullopt);
    EXPECT_TRUE(result.committed);
    return result.revision;
  }
  Result<ListResult> List(ListOptions options) { return Await(store().List(std::move(options))); }
  std::unique_ptr<Watcher> Watch(std::string prefix, Revision after) {
    auto watcher = store().Watch(std::move(prefix), after);
    CHECK_OK(watcher);
    return std::move(watcher).value();
  }
  // The next `count` events, in as many calls as they come in.
  EventList Next(Watcher& watcher, size_t count) {
    EventList events;
    while (events.size() < count) {
      auto batch = Await(watcher.Next());
      CHECK_OK(batch);
      EXPECT_FALSE(batch->empty());
      events.insert(events.end(), batch->begin(), batch->end());
    }
    EXPECT_EQ(events.size(), count);
    return events;
  }

  std::unique_ptr<StoreFixture> fixture_ = GetParam().make();
};

inline std::vector<std::string> Keys(const ListResult& list) {
  std::vector<std::string> keys;
  for (const KeyValue& kv : list.items) keys.push_back(kv.key);
  return keys;
}
inline std::vector<std::string> KeyValues(const ListResult& list) {
  std::vector<std::string> pairs;
  for (const KeyValue& kv : list.items) pairs.push_back(kv.key + "=" + *kv.value);
  return pairs;
}
// "+a=1" created, "~a=2(1)" changed from 1, "-a=2" deleted.
inline std::vector<std::string> Story(const EventList& events) {
  std::vector<std::string> lines;
  for (const auto& event : events) {
    const std::string pair = event->kv.key + "=" + *event->kv.value;
    if (event->type == Event::Type::kDelete) {
      lines.push_back("-" + pair);
    } else if (event->previous_value) {
      lines.push_back("~" + pair + "(" + *event->previous_value + ")");
    } else {
      lines.push_back("+" + pair);
    }
  }
  return lines;
}

inline auto EveryStore() {
  return testing::Values(StoreFactory{"Memory", MakeMemoryFixture},
                         StoreFactory{"Sqlite", MakeSqliteFixture},
                         StoreFactory{"CacherOverMemory", MakeCacherOverMemoryFixture},
                         StoreFactory{"CacherOverSqlite", MakeCacherOverSqliteFixture});
}

inline std::string NameOfStore(const testing::TestParamInfo<StoreFactory>& param) {
  return param.param.name;
}

}  // namespace wherry::apiserver::storage
