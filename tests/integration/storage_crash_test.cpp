// Shows that a server killed at any moment under write load has lost nothing it acknowledged.
//
// A child process writes to the store from many coroutines, compacting now and then, and reports
// over a pipe what it is about to write and what was acknowledged. The parent kills it (SIGKILL)
// at a random moment, opens the file, and compares: every key holds its last acknowledged value or
// the one that was under way; every acknowledged revision is in history; revisions and compaction
// never go back; SQLite finds the file sound. A child that reports before it knows must be caught.

#include "apiserver/storage/sqlite/database.h"
#include "apiserver/storage/sqlite/sqlite_store.h"
#include "apiserver/storage/sqlite/tables.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <sstream>

namespace wherry::apiserver::storage {
namespace {

constexpr int kWriters = 16;
constexpr int kKeysPerWriter = 4;

// --- The child ---

// One line per report; shorter than PIPE_BUF, so never torn between reports.
void Report(int pipe, const std::string& line) {
  const std::string text = line + "\n";
  if (::write(pipe, text.data(), text.size()) != static_cast<ssize_t>(text.size())) ::_exit(2);
}

struct Child {
  SqliteStore& store;
  int pipe;
  bool lie;
};

Task<void> WriteForEver(Child child, int writer, uint32_t seed) {
  std::mt19937 random(seed);
  std::map<Key, Revision> present;
  for (int i = 0; i < kKeysPerWriter; ++i) {
    const Key key = "/w" + std::to_string(writer) + "/" + std::to_string(i);
    auto got = co_await child.store.Get(key);
    if (!got.ok()) ::_exit(3);
    present[key] = got->has_value() ? (*got)->mod_revision : 0;
  }
  while (true) {
    auto it = std::next(present.begin(), static_cast<int>(random() % kKeysPerWriter));
    CompareAndSet write{.key = it->first, .expected = it->second};
    std::string shown = "-";
    if (it->second == 0 || random() % 4 != 0) {
      shown = std::to_string(random());
      write.value = shown + std::string(random() % 3000, '.');
    }
    Report(child.pipe, "try " + write.key + " " + shown);
    if (child.lie) Report(child.pipe, "ack " + write.key + " " + shown + " 0");
    auto result = co_await child.store.Write(std::move(write));
    if (!result.ok() || !result->committed) ::_exit(4);
    if (!child.lie)
      Report(child.pipe, "ack " + it->first + " " + shown + " " + std::to_string(result->revision));
    it->second = shown == "-" ? 0 : result->revision;
  }
}

Task<void> CompactForEver(Child child) {
  while (true) {
    const Revision target = child.store.CurrentRevision() - 40;
    if (target > child.store.CompactedRevision()) {
      auto status = co_await child.store.Compact(target);
      if (!status.ok()) ::_exit(5);
      Report(child.pipe, "compacted " + std::to_string(target));
    }
    auto got = co_await child.store.Get("/nothing");
    if (!got.ok()) ::_exit(6);
  }
}

[[noreturn]] void RunChild(const std::string& path, int pipe, uint32_t seed, bool lie) {
  RealWorld real(1);
  SqliteStore::Options options{.path = path};
  options.sweep_rows = 5;
  auto store = SqliteStore::Open(real.world(), options);
  if (!store.ok()) {
    std::fprintf(stderr, "%s\n", store.error().message.c_str());
    ::_exit(1);
  }
  TaskScope scope(real.world().loop);
  const Child child{**store, pipe, lie};
  for (int i = 0; i < kWriters; ++i)
    scope.Spawn("writer", WriteForEver(child, i, seed + static_cast<uint32_t>(i)));
  scope.Spawn("compactor", CompactForEver(child));
  real.world().loop.Run();
  ::_exit(7);
}

// --- The parent ---

class CrashTest : public testing::Test {
 protected:
  struct Acknowledged {
    Revision revision = 0;  // 0 when the child lies: it does not know
    std::string value;      // "-" for a deletion
  };

  CrashTest() {
    CHECK(::mkdtemp(dir_.data()) != nullptr);
    path_ = dir_ + "/state.db";
  }
  ~CrashTest() override { std::filesystem::remove_all(dir_); }

  // Lets a child run for about `lifetime` after its first acknowledgement, kills it, and takes in
  // what it said.
  void RunAndKill(uint32_t seed, std::chrono::microseconds lifetime, bool lie) {
    int ends[2];
    CHECK(::pipe2(ends, O_CLOEXEC) == 0);
    const pid_t pid = ::fork();
    CHECK(pid >= 0);
    if (pid == 0) {
      ::close(ends[0]);
      RunChild(path_, ends[1], seed, lie);
    }
    ::close(ends[1]);
    std::string said;
    bool killed = false;
    std::optional<std::chrono::steady_clock::time_point> kill_at;
    while (true) {
      const auto now = std::chrono::steady_clock::now();
      if (!kill_at && said.find("ack ") != std::string::npos) kill_at = now + lifetime;
      if (kill_at && now >= *kill_at && !killed) {
        CHECK(::kill(pid, SIGKILL) == 0);
        killed = true;
      }
      pollfd wait{.fd = ends[0], .events = POLLIN, .revents = 0};
      ::poll(&wait, 1, killed || !kill_at ? 100 : 0);
      char buffer[65536];
      if (wait.revents == 0) continue;
      const ssize_t size = ::read(ends[0], buffer, sizeof buffer);
      if (size <= 0) break;
      said.append(buffer, static_cast<size_t>(size));
    }
    ::close(ends[0]);
    int status = 0;
    CHECK(::waitpid(pid, &status, 0) == pid);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        << "child ended with " << status;
    Take(said);
  }

  void Take(const std::string& said) {
    under_way_.clear();
    std::istringstream lines(said);
    for (std::string word; lines >> word;) {
      std::string key, value;
      if (word == "compacted") {
        lines >> compacted_;
        continue;
      }
      lines >> key >> value;
      if (word == "try") {
        under_way_[key] = value;
        continue;
      }
      Acknowledged acknowledged{.value = value};
      lines >> acknowledged.revision;
      under_way_.erase(key);
      last_[key] = acknowledged;
      if (acknowledged.revision != 0) by_revision_[acknowledged.revision] = {key, value};
      ++acknowledgements_;
    }
  }

  static std::string Shown(const std::string& value) { return value.substr(0, value.find('.')); }

  // Compares the file with what was acknowledged; each finding is one line.
  std::vector<std::string> Verify() {
    std::vector<std::string> findings;
    auto tables = Tables::Open(path_);
    CHECK_OK(tables);
    Tables& store = **tables;
    if (store.revision() < revision_) findings.push_back("revision went back");
    revision_ = store.revision();
    if (!by_revision_.empty() && revision_ < by_revision_.rbegin()->first)
      findings.push_back("an acknowledged revision is in the future");
    if (store.compacted() < compacted_) findings.push_back("compaction went back");

    auto list = store.List({});
    CHECK_OK(list);
    std::map<Key, KeyValue> present;
    for (KeyValue& kv : list->items) present[kv.key] = kv;
    for (const auto& [key, acknowledged] : last_) {
      const bool exists = present.contains(key);
      const std::string now = exists ? Shown(*present[key].value) : "-";
      auto under_way = under_way_.find(key);
      const bool newer = under_way != under_way_.end() && now == under_way->second;
      if (now != acknowledged.value && !newer)
        findings.push_back(key + " is " + now + ", acknowledged was " + acknowledged.value);
      if (newer) last_[key] = {exists ? present[key].mod_revision : 0, now};
    }
    for (const auto& [key, kv] : present) {
      if (last_.contains(key)) continue;
      auto under_way = under_way_.find(key);
      if (under_way == under_way_.end() || under_way->second != Shown(*kv.value))
        findings.push_back(key + " is nobody's");
      last_[key] = {kv.mod_revision, Shown(*kv.value)};
    }

    // History above the compaction tells the same story, revision by revision.
    Revision at = store.compacted();
    std::map<Revision, EventPtr> history;
    while (at < store.revision()) {
      auto page = store.History("", at, store.revision());
      CHECK_OK(page);
      for (const EventPtr& event : page->events) history[event->revision] = event;
      at = page->through;
    }
    if (std::ssize(history) != store.revision() - std::max<Revision>(1, store.compacted()))
      findings.push_back("history has gaps");
    for (auto it = by_revision_.upper_bound(store.compacted()); it != by_revision_.end(); ++it) {
      auto event = history.find(it->first);
      if (event == history.end()) {
        findings.push_back("revision " + std::to_string(it->first) + " is not in history");
        continue;
      }
      const bool deleted = event->second->type == Event::Type::kDelete;
      const std::string value = deleted ? "-" : Shown(*event->second->kv.value);
      if (event->second->kv.key != it->second.first || value != it->second.second)
        findings.push_back("revision " + std::to_string(it->first) + " is another write");
    }

    auto database = Database::Open(path_);
    CHECK_OK(database);
    auto sound = (*database)->QueryInt(
        "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'");
    if (!sound.ok() || *sound != 1) findings.push_back("integrity_check found damage");
    return findings;
  }

  std::string dir_ = std::filesystem::temp_directory_path() / "wherry-crash-XXXXXX";
  std::string path_;
  std::map<Key, Acknowledged> last_;
  std::map<Key, std::string> under_way_;
  std::map<Revision, std::pair<Key, std::string>> by_revision_;
  Revision revision_ = 1;
  Revision compacted_ = 0;
  int64_t acknowledgements_ = 0;
};

TEST_F(CrashTest, FiftyKillsLoseNothingThatWasAcknowledged) {
  std::mt19937 random(std::random_device{}());
  for (int kill = 0; kill < 50; ++kill) {
    const uint32_t seed = static_cast<uint32_t>(random());
    RunAndKill(seed, std::chrono::microseconds(random() % 80'000), /*lie=*/false);
    if (HasFatalFailure()) return;
    const auto findings = Verify();
    for (const std::string& finding : findings) ADD_FAILURE() << finding << ", kill " << kill;
    if (!findings.empty()) return;
  }
  std::printf("%lld writes acknowledged, at revision %lld, compacted to %lld\n",
              static_cast<long long>(acknowledgements_), static_cast<long long>(revision_),
              static_cast<long long>(compacted_));
  EXPECT_GT(acknowledgements_, 50 * kWriters);
}

TEST_F(CrashTest, AcknowledgingTooEarlyIsFound) {
  size_t found = 0;
  for (uint32_t kill = 0; kill < 20 && found == 0; ++kill) {
    RunAndKill(kill, std::chrono::microseconds(2'000 * kill), /*lie=*/true);
    if (HasFatalFailure()) return;
    found += Verify().size();
  }
  EXPECT_GT(found, 0u);
}

}  // namespace
}  // namespace wherry::apiserver::storage
