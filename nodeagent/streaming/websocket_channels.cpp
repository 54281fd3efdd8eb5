#include "lib/api/base64.h"
#include "lib/http/serial_stream.h"
#include "lib/http/websocket.h"
#include "nodeagent/streaming/remote_command.h"

namespace wherry::nodeagent::streaming {

namespace {

constexpr uint16_t kNormalClosure = 1000;
constexpr char kCloseSignal = static_cast<char>(255);  // v5: [255, channel]

class WebSocketChannels : public CommandChannels {
 public:
  WebSocketChannels(World& world, std::unique_ptr<http::ByteStream> stream,
                    const std::string& protocol)
      : socket_(std::make_unique<http::SerialStream>(world.loop, std::move(stream))),
        base64_(protocol.find("base64") != std::string::npos),
        json_(protocol.starts_with("v4.") || protocol.starts_with("v5.")),
        close_signal_(protocol.starts_with("v5.")) {}

  // An empty message tells the client that the connection stands.
  Task<Status> Open() override {
    auto writing = Write(CommandChannel::kStdout, "");
    auto written = co_await std::move(writing);
    co_return written;
  }

  Task<Result<std::optional<Input>>> Next() override {
    while (true) {
      auto reading = socket_.Read();
      CO_TRY(std::optional<http::WebSocketFrame> message, co_await std::move(reading));
      if (!message) co_return std::optional<Input>();
      std::string& data = message->payload;
      if (data.empty()) continue;
      Input input;
      char number = data[0];
      data.erase(0, 1);
      if (number == kCloseSignal && close_signal_ && !data.empty()) {
        input.closed = true;
        number = data[0];
        data.clear();
      }
      if (base64_ && number >= '0') number = static_cast<char>(number - '0');
      if (number < 0 || number > 4)
        co_return MakeError(Reason::kBadRequest, "websocket: an unknown channel was written to");
      input.channel = static_cast<CommandChannel>(number);
      if (base64_) {
        CO_TRY(data, api::DecodeBase64(data));
      }
      input.data = std::move(data);
      co_return std::optional<Input>(std::move(input));
    }
  }

  Task<Status> Write(CommandChannel channel, std::string data) override {
    std::string message;
    if (base64_) {
      message += static_cast<char>('0' + static_cast<int>(channel));
      api::AppendBase64(message, data);
    } else {
      message += static_cast<char>(channel);
      message += data;
    }
    auto writing =
        socket_.Write(base64_ ? http::WebSocketOpcode::kText : http::WebSocketOpcode::kBinary,
                      std::move(message));
    auto written = co_await std::move(writing);
    co_return written;
  }

  bool status_as_json() const override { return json_; }

  Task<void> Finish() override {
    auto closing = socket_.Close(kNormalClosure);
    co_await std::move(closing);
  }

 private:
  http::WebSocket socket_;
  bool base64_;
  bool json_;
  bool close_signal_;
};

}  // namespace

std::unique_ptr<CommandChannels> MakeWebSocketChannels(World& world,
                                                       std::unique_ptr<http::ByteStream> stream,
                                                       const std::string& protocol) {
  return std::make_unique<WebSocketChannels>(world, std::move(stream), protocol);
}

}  // namespace wherry::nodeagent::streaming
