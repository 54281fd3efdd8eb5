#include "nodeagent/streaming/channel_port_forward.h"

#include "lib/api/base64.h"
#include "lib/http/serial_stream.h"
#include "lib/http/websocket.h"
#include "nodeagent/streaming/forwarded_port.h"

#include <optional>
#include <utility>

namespace wherry::nodeagent::streaming {

namespace {

constexpr uint16_t kNormalClosure = 1000;
constexpr uint16_t kProtocolError = 1002;
constexpr size_t kMessageBytesMax = 32 * 1024;

class ChannelPortForward : public http::UpgradeHandler {
 public:
  ChannelPortForward(World& world, std::vector<uint16_t> ports, bool base64, std::string pod,
                     ConnectToPort connect)
      : world_(world),
        ports_(std::move(ports)),
        base64_(base64),
        pod_(std::move(pod)),
        connect_(std::move(connect)) {}

  Task<void> Run(std::unique_ptr<http::ByteStream> stream) override {
    socket_.emplace(std::make_unique<http::SerialStream>(world_.loop, std::move(stream)));
    auto beginning = BeginAll();
    auto begun = co_await std::move(beginning);
    if (!begun.ok()) co_return;
    auto reading = ReadAll();
    const uint16_t code = co_await std::move(reading);
    forwarded_.clear();
    auto closing = socket_->Close(code);
    co_await std::move(closing);
  }

 private:
  Task<Status> BeginAll() {
    for (size_t i = 0; i < ports_.size(); ++i) {
      const uint16_t port = ports_[i];
      const std::string number = {static_cast<char>(port & 0xff), static_cast<char>(port >> 8)};
      for (size_t channel : {2 * i, 2 * i + 1}) {
        auto writing = Write(channel, number);
        CO_TRY_STATUS(co_await std::move(writing));
      }
    }
    for (size_t i = 0; i < ports_.size(); ++i) {
      ForwardedPort::Client client;
      client.data = [this, i](std::string bytes) { return Write(2 * i, std::move(bytes)); };
      client.end = [this, i](std::string error) { return TellEnd(i, std::move(error)); };
      forwarded_.push_back(
          std::make_unique<ForwardedPort>(world_, pod_, ports_[i], std::move(client)));
      forwarded_.back()->Begin(connect_);
    }
    co_return Ok();
  }

  // Until the client hangs up; says how to close.
  Task<uint16_t> ReadAll() {
    while (true) {
      auto reading = socket_->Read();
      auto message = co_await std::move(reading);
      if (!message.ok()) co_return kProtocolError;
      if (!*message) co_return kNormalClosure;
      std::string& data = (*message)->payload;
      if (data.empty()) continue;
      size_t channel = static_cast<unsigned char>(data[0]);
      if (base64_) channel -= '0';
      data.erase(0, 1);
      if (channel >= 2 * ports_.size()) co_return kProtocolError;
      if (base64_) {
        auto decoded = api::DecodeBase64(data);
        if (!decoded.ok()) co_return kProtocolError;
        data = std::move(*decoded);
      }
      if (channel % 2 != 0 || data.empty()) continue;
      auto taking = forwarded_[channel / 2]->Take(std::move(data));
      co_await std::move(taking);
    }
  }

  Task<Status> Write(size_t channel, std::string data) {
    for (size_t at = 0; at < data.size(); at += kMessageBytesMax) {
      const std::string piece = data.substr(at, kMessageBytesMax);
      std::string message(1, static_cast<char>(base64_ ? '0' + channel : channel));
      if (base64_) {
        api::AppendBase64(message, piece);
      } else {
        message += piece;
      }
      auto writing =
          socket_->Write(base64_ ? http::WebSocketOpcode::kText : http::WebSocketOpcode::kBinary,
                         std::move(message));
      CO_TRY_STATUS(co_await std::move(writing));
    }
    co_return Ok();
  }

  // The protocol cannot end a channel; an error is said on its own one.
  Task<void> TellEnd(size_t i, std::string error) {
    auto writing = Write(2 * i + 1, std::move(error));
    auto written = co_await std::move(writing);
    Ignore(written, "the client may have gone");
  }

  World& world_;
  std::vector<uint16_t> ports_;
  bool base64_;
  std::string pod_;
  ConnectToPort connect_;
  std::optional<http::WebSocket> socket_;
  std::vector<std::unique_ptr<ForwardedPort>> forwarded_;
};

}  // namespace

std::unique_ptr<http::UpgradeHandler> MakeChannelPortForward(World& world,
                                                             std::vector<uint16_t> ports,
                                                             bool base64, std::string pod,
                                                             ConnectToPort connect) {
  return std::make_unique<ChannelPortForward>(world, std::move(ports), base64, std::move(pod),
                                              std::move(connect));
}

}  // namespace wherry::nodeagent::streaming
