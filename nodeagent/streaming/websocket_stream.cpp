#include "nodeagent/streaming/websocket_stream.h"

#include "lib/http/serial_stream.h"

#include <optional>
#include <utility>

namespace wherry::nodeagent::streaming {

namespace {

constexpr uint16_t kNormalClosure = 1000;

}  // namespace

WebSocketStream::WebSocketStream(Loop& loop, std::unique_ptr<http::ByteStream> stream)
    : stream_(stream.get()),
      socket_(std::make_unique<http::SerialStream>(loop, std::move(stream))) {}

Task<Result<std::string>> WebSocketStream::Read() {
  while (true) {
    auto reading = socket_.Read();
    CO_TRY(std::optional<http::WebSocketFrame> message, co_await std::move(reading));
    if (!message) co_return std::string();
    if (!message->payload.empty()) co_return std::move(message->payload);
  }
}

Task<Status> WebSocketStream::Write(std::string bytes) {
  auto writing = socket_.Write(http::WebSocketOpcode::kBinary, std::move(bytes));
  auto written = co_await std::move(writing);
  co_return written;
}

Task<void> WebSocketStream::Finish() {
  auto closing = socket_.Close(kNormalClosure);
  co_await std::move(closing);
}

}  // namespace wherry::nodeagent::streaming
