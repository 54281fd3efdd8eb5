// Frames of a watch, as another API server may send them: a stream ends, and in whatever pieces it
// comes it tells the same events.

#include "lib/api/kind_registry.h"
#include "lib/base/check.h"
#include "lib/client/watch_stream.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using namespace wherry;

namespace {

class Pieces : public http::BodySource {
 public:
  Pieces(std::string_view text, size_t piece) : rest_(text), piece_(piece) {}
  Task<Result<std::optional<http::Chunk>>> Next() override {
    if (rest_.empty()) co_return std::optional<http::Chunk>();
    http::Chunk chunk;
    chunk.bytes = std::make_shared<std::string>(rest_.substr(0, piece_));
    rest_.remove_prefix(std::min(piece_, rest_.size()));
    co_return std::optional<http::Chunk>(std::move(chunk));
  }

 private:
  std::string_view rest_;
  size_t piece_;
};

// Each event's type and object; how the stream ended.
Task<void> Collect(client::Watch& watch, std::vector<std::string>& told) {
  while (true) {
    auto next = watch.Next();
    auto event = co_await std::move(next);
    if (!event.ok()) {
      told.push_back("error");
      co_return;
    }
    if (!event->has_value()) {
      told.push_back("end");
      co_return;
    }
    std::string text = std::to_string(static_cast<int>((*event)->type));
    if ((*event)->object) text += (*event)->object->ShortDebugString();
    told.push_back(std::move(text));
  }
}

std::vector<std::string> Told(std::string_view text, size_t piece) {
  SimWorld sim(1);
  client::WatchStream watch(api::KindOf<api::core::v1::ConfigMap>(),
                            std::make_unique<Pieces>(text, piece));
  std::vector<std::string> told;
  TaskScope scope(sim.world().loop);
  scope.Spawn("collect", Collect(watch, told));
  sim.Settle();
  CHECK(!told.empty() && (told.back() == "end" || told.back() == "error"));
  return told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto whole = Told(text, text.size() + 1);
  for (const size_t piece : {1U, 3U, 7U}) CHECK(Told(text, piece) == whole);
  return 0;
}
