// What the store and the cacher cost on this machine, printed one line each:
//   creates per second of 32 concurrent writers on SQLite with synchronous=FULL, through the
//   cacher; reading everything at start; a LIST of everything as JSON; an indexed LIST; memory per
//   object and per idle watch; events per second to 1,000 watchers.
// Usage: store_bench [DIRECTORY]   (default: the temporary directory; its disk is what is measured)

#include "apiserver/storage/cacher/cacher.h"
#include "apiserver/storage/sqlite/sqlite_store.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"

#include <malloc.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>

namespace wherry::apiserver::storage {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kWriters = 32;
constexpr int kObjects = 20'000;
constexpr int kNodes = 1'000;
constexpr int kWatchers = 1'000;

double Seconds(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

// Of all threads: what a machine of its own would need, whatever else runs on this one.
double CpuSeconds() {
  timespec now = {};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double ResidentMib() {
  ::malloc_trim(0);
  std::ifstream file("/proc/self/statm");
  long total = 0;
  long resident = 0;
  file >> total >> resident;
  return static_cast<double>(resident * ::sysconf(_SC_PAGESIZE)) / (1 << 20);
}

class PodCodec : public ObjectCodec {
 public:
  const std::vector<SelectableField>& selectable_fields() const override { return fields_; }
  const std::vector<std::string>& indexed_fields() const override { return indexed_; }
  Result<std::shared_ptr<const google::protobuf::Message>> Parse(std::string_view) const override {
    return MakeError(Reason::kInternalError, "not measured");
  }
  Result<std::string> Protobuf(const google::protobuf::Message&) const override {
    return MakeError(Reason::kInternalError, "not measured");
  }

 private:
  std::vector<SelectableField> fields_{{"spec.nodeName", ""}, {"status.phase", ""}};
  std::vector<std::string> indexed_{"spec.nodeName"};
};

// About 3 KB, as pods with managedFields are.
std::string Pod(int i) {
  std::string pod = R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"pod-)" +
                    std::to_string(i) +
                    R"(","namespace":"default","labels":{"app":"web"},"managedFields":[")";
  pod.append(1'000, 'm');
  pod += R"("]},"spec":{"containers":[{"name":"a","image":")";
  pod.append(1'500, 'i');
  pod += R"("}],"nodeName":"node-)" + std::to_string(i % kNodes) +
         R"("},"status":{"phase":"Running"}})";
  return pod;
}
Key KeyOf(int i) { return "/registry/core/pods/default/pod-" + std::to_string(i); }

struct Bench {
  RealWorld real{1};
  std::string path;
  std::unique_ptr<SqliteStore> store;
  std::unique_ptr<Cacher> cacher;
  int next = 0;
  int done = 0;

  void Open() {
    cacher.reset();
    store.reset();
    auto opened = SqliteStore::Open(real.world(), {.path = path});
    CHECK_OK(opened);
    store = std::move(*opened);
    cacher = std::make_unique<Cacher>(real.world().loop, *store);
    cacher->Register("/registry/core/pods/", std::make_shared<PodCodec>());
    std::optional<Status> started;
    Run([&](TaskScope& scope) { scope.Spawn("start", Into(cacher->Start(), &started)); });
    CHECK_OK(*started);
  }
  template <typename T>
  Task<void> Into(Task<T> task, std::optional<T>* out) {
    auto value = co_await std::move(task);
    out->emplace(std::move(value));
    real.world().loop.Stop();
  }
  // Runs the loop until something stops it.
  void Run(const std::function<void(TaskScope&)>& spawn) {
    TaskScope scope(real.world().loop);
    spawn(scope);
    real.world().loop.Run();
  }

  Task<void> CreateUntil(int objects) {
    while (next < objects) {
      const int i = next++;
      CompareAndSet write{.key = KeyOf(i), .expected = 0};
      write.value = Pod(i);
      auto result = co_await cacher->WriteObject(std::move(write));
      CHECK(result.ok() && result->committed);
      if (++done == kObjects) real.world().loop.Stop();
    }
  }
  ObjectList List(Selection selection) {
    std::optional<Result<ObjectList>> list;
    ObjectListOptions options{.selection = std::move(selection)};
    Run([&](TaskScope& scope) {
      scope.Spawn("list", Into(cacher->ListObjects(std::move(options)), &list));
    });
    CHECK_OK(*list);
    return std::move(**list);
  }

  void Creates();
  void Restart();
  void Lists();
  void Watches();
};

void Bench::Creates() {
  const auto start = Clock::now();
  const double cpu = CpuSeconds();
  Run([&](TaskScope& scope) {
    for (int i = 0; i < kWriters; ++i) scope.Spawn("writer", CreateUntil(kObjects));
  });
  const double took = Seconds(start);
  std::printf(
      "create: %.0f/s, %.1f us of CPU each (%d objects of %zu bytes, %d writers, SQLite "
      "synchronous=FULL)\n",
      kObjects / took, (CpuSeconds() - cpu) / kObjects * 1e6, kObjects, Pod(0).size(), kWriters);
}

void Bench::Restart() {
  const double cpu = CpuSeconds();
  Open();
  std::printf("start: %.1f ms of CPU to read %d objects; resident now %.1f MiB\n",
              (CpuSeconds() - cpu) * 1e3, kObjects, ResidentMib());
}

void Bench::Lists() {
  double cpu = CpuSeconds();
  const ObjectList all = List({.prefix = "/registry/core/pods/"});
  CHECK(all.items.size() == static_cast<size_t>(kObjects));
  const double snapshot = CpuSeconds() - cpu;
  size_t bytes = 0;
  std::string chunk;
  for (const ObjectPtr& object : all.items) {
    object->AppendJson(chunk);
    chunk += ',';
    if (chunk.size() < 64 << 10) continue;
    bytes += chunk.size();
    chunk.clear();
  }
  bytes += chunk.size();
  std::printf("list: %.1f ms of CPU for %d objects, %.1f MB of JSON (snapshot alone %.2f ms)\n",
              (CpuSeconds() - cpu) * 1e3, kObjects, static_cast<double>(bytes) / 1e6,
              snapshot * 1e3);
  cpu = CpuSeconds();
  constexpr int kRounds = 1'000;
  size_t found = 0;
  for (int i = 0; i < kRounds; ++i) {
    Selection selection{.prefix = "/registry/core/pods/",
                        .index = IndexTerm{"spec.nodeName", "node-" + std::to_string(i % kNodes)}};
    found += List(std::move(selection)).items.size();
  }
  std::printf("list of one node's pods: %.1f us of CPU for %.0f of %d objects\n",
              (CpuSeconds() - cpu) / kRounds * 1e6, static_cast<double>(found) / kRounds, kObjects);
}

void Bench::Watches() {
  const double before = ResidentMib();
  std::vector<std::unique_ptr<ObjectWatcher>> watchers;
  for (int i = 0; i < kWatchers * 10; ++i) {
    auto watcher = cacher->WatchObjects({.prefix = "/registry/core/pods/"}, 0);
    CHECK_OK(watcher);
    watchers.push_back(std::move(*watcher));
  }
  std::printf("idle watch: %.0f bytes\n", (ResidentMib() - before) * (1 << 20) / (kWatchers * 10));
  watchers.resize(kWatchers);
  int64_t delivered = 0;
  int64_t bytes = 0;
  const int events = 1'000;
  auto read = [&](ObjectWatcher& watcher) -> Task<void> {
    for (int seen = 0; seen < events;) {
      auto items = co_await watcher.Next();
      CHECK_OK(items);
      for (const WatchItem& item : *items) {
        auto frame = item.Frame(WatchEncoding::kJson);
        CHECK_OK(frame);
        bytes += static_cast<int64_t>((*frame)->size());
        ++seen;
        ++delivered;
      }
    }
    if (delivered == int64_t{kWatchers} * events) real.world().loop.Stop();
  };
  next = done = kObjects;
  const double cpu = CpuSeconds();
  Run([&](TaskScope& scope) {
    for (auto& watcher : watchers) scope.Spawn("watch", read(*watcher));
    for (int i = 0; i < kWriters; ++i) scope.Spawn("writer", CreateUntil(kObjects + events));
  });
  std::printf("watch: %.0f deliveries of shared frames per CPU second to %d watchers (%d writes)\n",
              static_cast<double>(delivered) / (CpuSeconds() - cpu), kWatchers, events);
}

}  // namespace
}  // namespace wherry::apiserver::storage

int main(int argc, char** argv) {
  using namespace wherry;
  const std::filesystem::path root =
      argc > 1 ? std::filesystem::path(argv[1]) : std::filesystem::temp_directory_path();
  std::string dir = root / "wherry-store-bench-XXXXXX";
  CHECK(::mkdtemp(dir.data()) != nullptr);
  {
    apiserver::storage::Bench bench;
    bench.path = dir + "/state.db";
    bench.Open();
    std::printf("idle: resident %.1f MiB with an empty store\n", apiserver::storage::ResidentMib());
    bench.Creates();
    bench.Restart();
    bench.Lists();
    bench.Watches();
  }
  std::filesystem::remove_all(dir);
  return 0;
}
