#include "tests/support/sim_transport.h"

#include "lib/loop/sync.h"

#include <optional>
#include <utility>
#include <vector>

namespace wherry::testing {
namespace {

// How long a sender waits for an answer that does not come.
constexpr std::chrono::milliseconds kGiveUp{500};

Error Unreachable() { return MakeError(Reason::kServiceUnavailable, "connection refused"); }

}  // namespace

// A request that has arrived, until it is answered.
struct SimTransport::Exchange {
  Exchange(Loop& loop, uint64_t number) : id(number), answer(loop) {}
  const uint64_t id;
  OneShot<Result<http::Response>> answer;
};

// A watch: its events travel one after the other.
class SimTransport::Stream : public http::BodySource {
 public:
  using Piece = Result<std::optional<http::Chunk>>;

  Stream(SimTransport& transport, std::unique_ptr<http::BodySource> source)
      : transport_(transport), id_(++transport.last_id_), source_(std::move(source)) {
    transport_.streams_.emplace(id_, this);
  }
  ~Stream() override { transport_.streams_.erase(id_); }

  Task<Piece> Next() override {
    if (!source_) co_return Unreachable();
    if (transport_.Chance(transport_.faults_.break_stream)) {
      Break();
      co_return Unreachable();
    }
    OneShot<Piece> piece(transport_.world_.loop);
    waiting_ = piece;
    pulling_ = std::make_unique<TaskScope>(transport_.world_.loop);
    pulling_->Spawn("pull", Pull(piece));
    auto waiting = piece.Wait();
    auto result = co_await std::move(waiting);
    co_await transport_.Travel();
    co_return std::move(result);
  }

  // The server's side is gone.
  void Break() {
    pulling_.reset();
    source_.reset();
    if (waiting_) waiting_->Set(Unreachable());
  }

 private:
  Task<void> Pull(OneShot<Piece> piece) {
    auto next = source_->Next();
    auto result = co_await std::move(next);
    piece.Set(std::move(result));
  }

  SimTransport& transport_;
  const uint64_t id_;
  std::unique_ptr<http::BodySource> source_;
  std::optional<OneShot<Piece>> waiting_;
  std::unique_ptr<TaskScope> pulling_;
};

// A body that has arrived as a whole.
class Arrived : public http::BodySource {
 public:
  explicit Arrived(std::vector<http::Chunk> chunks) : chunks_(std::move(chunks)) {}
  Task<Result<std::optional<http::Chunk>>> Next() override {
    if (next_ == chunks_.size()) co_return std::optional<http::Chunk>();
    co_return std::optional<http::Chunk>(std::move(chunks_[next_++]));
  }

 private:
  std::vector<http::Chunk> chunks_;
  size_t next_ = 0;
};

SimTransport::SimTransport(World& world, Faults faults)
    : world_(world), faults_(faults), served_(std::make_unique<TaskScope>(world.loop)) {}

SimTransport::~SimTransport() { Disconnect(); }

void SimTransport::Connect(http::Handler& server) { server_ = &server; }

void SimTransport::Disconnect() {
  server_ = nullptr;
  served_ = std::make_unique<TaskScope>(world_.loop);
  for (const auto& [id, exchange] : std::exchange(exchanges_, {}))
    exchange->answer.Set(Unreachable());
  for (const auto& [id, stream] : streams_) stream->Break();
}

bool SimTransport::Chance(double probability) {
  return probability > 0 && world_.random.Fraction() < probability;
}

Task<void> SimTransport::Travel() {
  const auto max = static_cast<uint64_t>(faults_.delay_max.count());
  const auto delay = std::chrono::milliseconds(max == 0 ? 0 : world_.random.Below(max + 1));
  co_await SleepFor(world_.loop, delay);
}

Task<void> SimTransport::Serve(http::Request request, bool stream_body,
                               std::shared_ptr<Exchange> exchange) {
  auto handling = server_->Handle(std::move(request));
  http::Response response = co_await std::move(handling);
  if (response.stream && stream_body) {
    response.stream = std::make_unique<Stream>(*this, std::move(response.stream));
  } else if (response.stream) {
    std::vector<http::Chunk> chunks;
    while (true) {
      auto pulling = response.stream->Next();
      auto chunk = co_await std::move(pulling);
      if (!chunk.ok() || !*chunk) break;
      chunks.push_back(std::move(**chunk));
    }
    response.stream = std::make_unique<Arrived>(std::move(chunks));
  }
  exchange->answer.Set(std::move(response));
  exchanges_.erase(exchange->id);
}

Task<Result<http::Response>> SimTransport::RoundTrip(http::Request request, bool stream_body) {
  co_await Travel();
  if (Chance(faults_.lose_request)) {
    co_await SleepFor(world_.loop, kGiveUp);
    co_return Unreachable();
  }
  if (server_ == nullptr) co_return Unreachable();
  auto exchange = std::make_shared<Exchange>(world_.loop, ++last_id_);
  exchanges_.emplace(exchange->id, exchange);
  served_->Spawn("serve", Serve(std::move(request), stream_body, exchange));
  auto waiting = exchange->answer.Wait();
  auto answer = co_await std::move(waiting);
  if (Chance(faults_.lose_response)) {
    co_await SleepFor(world_.loop, kGiveUp);
    co_return Unreachable();
  }
  co_await Travel();
  co_return std::move(answer);
}

}  // namespace wherry::testing
