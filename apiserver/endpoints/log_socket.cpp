#include "apiserver/endpoints/log_socket.h"

#include "lib/api/base64.h"
#include "lib/http/serial_stream.h"
#include "lib/http/websocket.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace wherry::apiserver::endpoints {

namespace {

constexpr uint16_t kNormalClosure = 1000;
constexpr uint16_t kInternalFailure = 1011;
constexpr size_t kMessageBytesMax = 32 * 1024;
constexpr const char* kBinary = "binary.k8s.io";
constexpr const char* kBase64 = "base64.binary.k8s.io";

class LogSocket : public http::UpgradeHandler {
 public:
  LogSocket(Loop& loop, http::Response log, bool base64)
      : loop_(loop), log_(std::move(log)), base64_(base64) {}

  Task<void> Run(std::unique_ptr<http::ByteStream> stream) override {
    http::WebSocket socket(std::make_unique<http::SerialStream>(loop_, std::move(stream)));
    OneShot<uint16_t> over(loop_);
    TaskScope scope(loop_);
    scope.Spawn("log to websocket", Tell(socket, over));
    scope.Spawn("log websocket input", Listen(socket, over));
    auto waiting = over.Wait();
    const uint16_t code = co_await std::move(waiting);
    scope.Cancel();
    auto closing = socket.Close(code);
    co_await std::move(closing);
  }

 private:
  Task<void> Tell(http::WebSocket& socket, OneShot<uint16_t> over) {
    const std::string whole = log_.shared_body ? *log_.shared_body : std::move(log_.body);
    auto saying = Say(socket, whole);
    bool said = co_await std::move(saying);
    while (said && log_.stream) {
      auto pulling = log_.stream->Next();
      auto chunk = co_await std::move(pulling);
      if (!chunk.ok()) co_return over.Set(kInternalFailure);
      if (!*chunk) break;
      if (!(*chunk)->bytes) continue;
      auto more = Say(socket, *(*chunk)->bytes);
      said = co_await std::move(more);
    }
    over.Set(kNormalClosure);
  }

  Task<bool> Say(http::WebSocket& socket, std::string text) {
    for (size_t at = 0; at < text.size(); at += kMessageBytesMax) {
      const std::string piece = text.substr(at, kMessageBytesMax);
      std::string encoded;
      if (base64_) api::AppendBase64(encoded, piece);
      auto writing =
          socket.Write(base64_ ? http::WebSocketOpcode::kText : http::WebSocketOpcode::kBinary,
                       base64_ ? std::move(encoded) : piece);
      auto written = co_await std::move(writing);
      if (!written.ok()) co_return false;
    }
    co_return true;
  }

  // Answers pings, and ends with the client.
  Task<void> Listen(http::WebSocket& socket, OneShot<uint16_t> over) {
    while (true) {
      auto reading = socket.Read();
      auto message = co_await std::move(reading);
      if (!message.ok() || !message->has_value()) break;
    }
    over.Set(kNormalClosure);
  }

  Loop& loop_;
  http::Response log_;
  bool base64_;
};

}  // namespace

Result<http::Response> LogReply(Loop& loop, const http::Request& request, http::Response log) {
  if (!http::IsWebSocketRequest(request)) return log;
  auto protocol = http::ChooseWebSocketProtocol(request, {kBinary, kBase64});
  if (!protocol) {
    return MakeError(Reason::kBadRequest, "no WebSocket protocol that is spoken here");
  }
  auto socket = std::make_unique<LogSocket>(loop, std::move(log), *protocol == kBase64);
  return http::AcceptWebSocket(request, *protocol, std::move(socket));
}

}  // namespace wherry::apiserver::endpoints
