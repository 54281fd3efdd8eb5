#include "lib/http/serial_stream.h"
#include "lib/loop/with_timeout.h"
#include "nodeagent/streaming/remote_command.h"
#include "nodeagent/streaming/spdy.h"

#include <map>

namespace wherry::nodeagent::streaming {

namespace {

constexpr std::chrono::seconds kOpenTimeout{30};
constexpr size_t kDataBytesMax = 32 * 1024;
constexpr size_t kStreamsMax = 16;

std::optional<CommandChannel> ChannelNamed(const std::string& name) {
  if (name == "stdin") return CommandChannel::kStdin;
  if (name == "stdout") return CommandChannel::kStdout;
  if (name == "stderr") return CommandChannel::kStderr;
  if (name == "error") return CommandChannel::kError;
  if (name == "resize") return CommandChannel::kResize;
  return std::nullopt;
}

class SpdyChannels : public CommandChannels {
 public:
  SpdyChannels(World& world, std::unique_ptr<http::ByteStream> stream, const RemoteCommand& command)
      : world_(world), stream_(world.loop, std::move(stream)) {
    expected_ = 1u + (command.with_stdin ? 1 : 0) + (command.with_stdout ? 1 : 0) +
                (command.with_stderr && !command.tty ? 1 : 0);
  }

  Task<Status> Open() override {
    auto opening = ReadUntilOpen();
    auto bounded = WithTimeout<Unit>(world_.loop, kOpenTimeout, std::move(opening));
    auto opened = co_await std::move(bounded);
    co_return opened;
  }

  Task<Result<std::optional<Input>>> Next() override {
    while (true) {
      auto reading = NextFrame();
      CO_TRY(std::optional<SpdyFrame> frame, co_await std::move(reading));
      if (!frame) co_return std::optional<Input>();
      for (const auto& [channel, id] : ids_) {
        if (id != frame->stream_id) continue;
        const bool ended = frame->last || frame->type == SpdyFrame::Type::kReset;
        co_return std::optional<Input>(
            Input{.channel = channel, .data = std::move(frame->data), .closed = ended});
      }
    }
  }

  Task<Status> Write(CommandChannel channel, std::string data) override {
    auto id = ids_.find(channel);
    if (id == ids_.end()) co_return Ok();
    const uint32_t stream_id = id->second;
    for (size_t at = 0; at < data.size(); at += kDataBytesMax) {
      auto writing =
          stream_.Write(SpdyWriter::Data(stream_id, data.substr(at, kDataBytesMax), false));
      CO_TRY_STATUS(co_await std::move(writing));
    }
    co_return Ok();
  }

  bool status_as_json() const override { return true; }

  Task<void> Finish() override {
    std::string goodbye;
    for (const auto& [channel, id] : ids_)
      if (channel != CommandChannel::kStdin && channel != CommandChannel::kResize)
        goodbye += SpdyWriter::Data(id, "", true);
    goodbye += SpdyWriter::GoAway(last_id_);
    auto writing = stream_.Write(std::move(goodbye));
    auto written = co_await std::move(writing);
    Ignore(written, "the connection ends in any case");
    stream_.Close();
  }

 private:
  Task<Status> ReadUntilOpen() {
    while (ids_.size() < expected_) {
      auto reading = NextFrame();
      CO_TRY(std::optional<SpdyFrame> frame, co_await std::move(reading));
      if (!frame) co_return MakeError(Reason::kGone, "the client hung up");
    }
    co_return Ok();
  }

  // Answers what needs an answer and takes new streams; nullopt when the client has hung up.
  Task<Result<std::optional<SpdyFrame>>> NextFrame() {
    while (true) {
      CO_TRY(std::optional<SpdyFrame> frame, parser_.Next());
      if (!frame) {
        auto reading = stream_.Read();
        CO_TRY(std::string bytes, co_await std::move(reading));
        if (bytes.empty()) co_return std::optional<SpdyFrame>();
        parser_.Feed(bytes);
        continue;
      }
      if (frame->type == SpdyFrame::Type::kGoAway) co_return std::optional<SpdyFrame>();
      if (frame->type == SpdyFrame::Type::kPing) {
        auto answering = stream_.Write(SpdyWriter::Ping(frame->stream_id));
        CO_TRY_STATUS(co_await std::move(answering));
        continue;
      }
      if (frame->type == SpdyFrame::Type::kSynStream) {
        const std::optional<CommandChannel> channel = ChannelNamed(frame->headers["streamtype"]);
        if (!channel || ids_.size() >= kStreamsMax)
          co_return MakeError(Reason::kBadRequest, "spdy: an unknown stream was opened");
        ids_[*channel] = frame->stream_id;
        last_id_ = frame->stream_id;
        auto answering = stream_.Write(writer_.SynReply(frame->stream_id));
        CO_TRY_STATUS(co_await std::move(answering));
      }
      co_return frame;
    }
  }

  World& world_;
  http::SerialStream stream_;
  SpdyParser parser_;
  SpdyWriter writer_;
  size_t expected_ = 0;
  std::map<CommandChannel, uint32_t> ids_;
  uint32_t last_id_ = 0;
};

}  // namespace

std::unique_ptr<CommandChannels> MakeSpdyChannels(World& world,
                                                  std::unique_ptr<http::ByteStream> stream,
                                                  const RemoteCommand& command) {
  return std::make_unique<SpdyChannels>(world, std::move(stream), command);
}

}  // namespace wherry::nodeagent::streaming
