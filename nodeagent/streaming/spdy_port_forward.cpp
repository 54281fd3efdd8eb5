#include "nodeagent/streaming/spdy_port_forward.h"

#include "lib/http/serial_stream.h"
#include "lib/telemetry/log.h"
#include "nodeagent/streaming/forwarded_port.h"
#include "nodeagent/streaming/spdy.h"

#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace wherry::nodeagent::streaming {

namespace {

const telemetry::Logger log("kubelet");

constexpr size_t kPairsMax = 256;
constexpr size_t kDataBytesMax = 32 * 1024;
constexpr uint32_t kProtocolError = 1;  // SPDY's RST_STREAM codes
constexpr uint32_t kRefusedStream = 3;

std::optional<uint16_t> PortOf(const std::string& text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

// A stream that somebody else owns.
class Borrowed : public http::ByteStream {
 public:
  explicit Borrowed(http::ByteStream& stream) : stream_(stream) {}
  Task<Result<std::string>> Read() override { return stream_.Read(); }
  Task<Status> Write(std::string bytes) override { return stream_.Write(std::move(bytes)); }
  void Close() override { stream_.Close(); }

 private:
  http::ByteStream& stream_;
};

class SpdyPortForward {
 public:
  SpdyPortForward(World& world, http::ByteStream& stream, std::string pod, ConnectToPort connect)
      : world_(world),
        stream_(world.loop, std::make_unique<Borrowed>(stream)),
        pod_(std::move(pod)),
        connect_(std::move(connect)) {}

  Task<Status> Run() {
    while (true) {
      CO_TRY(std::optional<SpdyFrame> frame, parser_.Next());
      if (!frame) {
        auto reading = stream_.Read();
        CO_TRY(std::string bytes, co_await std::move(reading));
        if (bytes.empty()) co_return Ok();
        parser_.Feed(bytes);
        continue;
      }
      if (frame->type == SpdyFrame::Type::kGoAway) co_return Ok();
      auto handling = Handle(std::move(*frame));
      CO_TRY_STATUS(co_await std::move(handling));
    }
  }

 private:
  // The two streams of one connection.
  struct Pair {
    uint16_t port = 0;
    uint32_t data_id = 0;
    uint32_t error_id = 0;
    std::unique_ptr<ForwardedPort> forwarded;
  };
  using Pairs = std::map<std::string, Pair>;  // by request id

  Task<Status> Handle(SpdyFrame frame) {
    switch (frame.type) {
      case SpdyFrame::Type::kPing: {
        auto answering = stream_.Write(SpdyWriter::Ping(frame.stream_id));
        co_return co_await std::move(answering);
      }
      case SpdyFrame::Type::kSynStream: {
        auto opening = Open(std::move(frame));
        co_return co_await std::move(opening);
      }
      case SpdyFrame::Type::kReset: {
        auto pair = FindPair(frame.stream_id);
        if (pair != pairs_.end()) pairs_.erase(pair);
        co_return Ok();
      }
      case SpdyFrame::Type::kData: {
        auto pair = FindPair(frame.stream_id);
        // What is left of an ended one, and what comes on an error stream, is not wanted.
        if (pair == pairs_.end() || pair->second.data_id != frame.stream_id) co_return Ok();
        if (pair->second.forwarded == nullptr) {
          co_return MakeError(Reason::kBadRequest, "spdy: data before both streams were opened");
        }
        ForwardedPort& forwarded = *pair->second.forwarded;
        if (!frame.data.empty()) {
          auto taking = forwarded.Take(std::move(frame.data));
          co_await std::move(taking);
        }
        if (frame.last) forwarded.TakeEnd();
        co_return Ok();
      }
      case SpdyFrame::Type::kGoAway:
        break;
    }
    co_return Ok();
  }

  Pairs::iterator FindPair(uint32_t stream_id) {
    for (auto pair = pairs_.begin(); pair != pairs_.end(); ++pair) {
      if (pair->second.data_id == stream_id || pair->second.error_id == stream_id) return pair;
    }
    return pairs_.end();
  }

  Task<Status> Open(SpdyFrame frame) {
    const uint32_t id = frame.stream_id;
    std::erase_if(pairs_, [](const auto& entry) {
      return entry.second.forwarded && entry.second.forwarded->over();
    });
    const std::optional<uint16_t> port = PortOf(frame.headers["port"]);
    const std::string type = frame.headers["streamtype"];
    const std::string request = frame.headers["requestid"];
    const bool known = pairs_.contains(request);
    std::optional<uint32_t> refused;
    if (!known && pairs_.size() >= kPairsMax) refused = kRefusedStream;
    if (!port || (type != "data" && type != "error") || FindPair(id) != pairs_.end() ||
        (known && pairs_[request].port != *port)) {
      refused = kProtocolError;
    }
    if (!refused) {
      Pair& pair = pairs_[request];
      uint32_t& place = type == "data" ? pair.data_id : pair.error_id;
      if (place != 0) refused = kProtocolError;
      if (!refused) place = id;
      pair.port = *port;
    }
    auto answering =
        stream_.Write(refused ? SpdyWriter::Reset(id, *refused) : writer_.SynReply(id));
    CO_TRY_STATUS(co_await std::move(answering));
    auto found = pairs_.find(request);
    if (refused || found == pairs_.end()) co_return Ok();
    Pair& pair = found->second;
    if (pair.data_id != 0 && pair.error_id != 0 && !pair.forwarded) Begin(pair);
    co_return Ok();
  }

  void Begin(Pair& pair) {
    ForwardedPort::Client client;
    client.data = [this, id = pair.data_id](std::string bytes) {
      return Tell(id, std::move(bytes));
    };
    client.end = [this, data = pair.data_id, error = pair.error_id](std::string message) {
      return TellEnd(data, error, std::move(message));
    };
    pair.forwarded = std::make_unique<ForwardedPort>(world_, pod_, pair.port, std::move(client));
    pair.forwarded->Begin(connect_);
  }

  Task<Status> Tell(uint32_t id, std::string bytes) {
    for (size_t at = 0; at < bytes.size(); at += kDataBytesMax) {
      auto writing = stream_.Write(SpdyWriter::Data(id, bytes.substr(at, kDataBytesMax), false));
      CO_TRY_STATUS(co_await std::move(writing));
    }
    co_return Ok();
  }

  Task<void> TellEnd(uint32_t data_id, uint32_t error_id, std::string message) {
    std::string frames;
    if (!message.empty()) frames += SpdyWriter::Data(error_id, message, false);
    frames += SpdyWriter::Data(data_id, "", true) + SpdyWriter::Data(error_id, "", true);
    auto writing = stream_.Write(std::move(frames));
    auto written = co_await std::move(writing);
    Ignore(written, "the client may have gone");
  }

  World& world_;
  http::SerialStream stream_;
  std::string pod_;
  ConnectToPort connect_;
  SpdyParser parser_;
  SpdyWriter writer_;
  Pairs pairs_;
};

}  // namespace

Task<void> ForwardOverSpdy(World& world, http::ByteStream& stream, std::string pod,
                           ConnectToPort connect) {
  SpdyPortForward session(world, stream, std::move(pod), std::move(connect));
  auto running = session.Run();
  auto ended = co_await std::move(running);
  if (!ended.ok()) log.Info("port forwarding ended", {{"error", ended.error().message}});
}

}  // namespace wherry::nodeagent::streaming
