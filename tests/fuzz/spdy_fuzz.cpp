#include "lib/base/check.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "nodeagent/streaming/spdy.h"
#include "nodeagent/streaming/spdy_port_forward.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace wherry;
using namespace wherry::nodeagent::streaming;

// Says what the client sent, then that it has gone.
class Recording : public http::ByteStream {
 public:
  explicit Recording(std::string bytes) : bytes_(std::move(bytes)) {}
  Task<Result<std::string>> Read() override { co_return std::exchange(bytes_, ""); }
  Task<Status> Write(std::string bytes) override {
    written += bytes.size();
    co_return Ok();
  }
  void Close() override {}
  size_t written = 0;

 private:
  std::string bytes_;
};

// The same frames in one piece and in pieces.
std::vector<std::string> Frames(std::string_view bytes, size_t step) {
  SpdyParser parser;
  std::vector<std::string> seen;
  while (true) {
    auto frame = parser.Next();
    if (!frame.ok()) break;
    if (frame->has_value()) {
      seen.push_back(std::to_string((*frame)->stream_id) + (*frame)->data);
      continue;
    }
    if (bytes.empty()) break;
    parser.Feed(bytes.substr(0, step));
    bytes.remove_prefix(std::min(step, bytes.size()));
  }
  return seen;
}

}  // namespace

// Any bytes give frames or an error, and a conversation over them ends.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(static_cast<const char*>(static_cast<const void*>(data)), size);
  CHECK(Frames(bytes, size + 1) == Frames(bytes, 7));
  SimWorld sim(1);
  TaskScope scope(sim.world().loop);
  Recording recording{std::string(bytes)};
  auto refuse = [](uint16_t) -> Task<Result<std::unique_ptr<nodeagent::runtime::PodConnection>>> {
    co_return MakeError(Reason::kServiceUnavailable, "refused");
  };
  scope.Spawn("conversation", ForwardOverSpdy(sim.world(), recording, "p", refuse));
  sim.Settle();
  CHECK(scope.size() == 0);
  CHECK(recording.written <= 64 * size + 64);
  return 0;
}
