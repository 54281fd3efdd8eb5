#pragma once

#include "lib/base/result.h"
#include "lib/http/message.h"
#include "lib/loop/task.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The server's side of WebSocket (RFC 6455) on an upgraded connection.
namespace wherry::http {

enum class WebSocketOpcode : uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};

struct WebSocketFrame {
  bool last = true;  // of its message
  WebSocketOpcode opcode = WebSocketOpcode::kBinary;
  std::string payload;  // unmasked
};

// Cuts what a client sends into frames. Pure.
class WebSocketParser {
 public:
  explicit WebSocketParser(size_t payload_bytes_max = 1024 * 1024)
      : payload_bytes_max_(payload_bytes_max) {}
  void Feed(std::string_view bytes);
  // The next whole frame, nullopt until there is one. Errors: kBadRequest for what RFC 6455
  // forbids: no mask, reserved bits or opcodes, long or fragmented control frames, too much
  // payload.
  Result<std::optional<WebSocketFrame>> Next();

 private:
  size_t payload_bytes_max_;
  std::string buffer_;
  size_t taken_ = 0;  // of buffer_
};

// As a server sends it: whole and unmasked.
std::string EncodeWebSocketFrame(WebSocketOpcode opcode, std::string_view payload);

// Whether the request asks for a WebSocket.
bool IsWebSocketRequest(const Request& request);
// The first of the client's Sec-WebSocket-Protocol offers that is in `supported`; nullopt when
// there is none. A client that offers nothing gets "".
std::optional<std::string> ChooseWebSocketProtocol(const Request& request,
                                                   const std::vector<std::string>& supported);
// The 101 response; `handler` takes over the connection.
// Errors: kBadRequest without a usable key or another version than 13.
Result<Response> AcceptWebSocket(const Request& request, const std::string& protocol,
                                 std::unique_ptr<UpgradeHandler> handler);

// Messages over a connection: fragments joined, pings answered. Loop thread; one reader, and
// writers one after another.
class WebSocket {
 public:
  explicit WebSocket(std::unique_ptr<ByteStream> stream) : stream_(std::move(stream)) {}
  // The next text or binary message; nullopt once the peer has closed.
  Task<Result<std::optional<WebSocketFrame>>> Read();
  Task<Status> Write(WebSocketOpcode opcode, std::string payload);
  // Says goodbye (1000: normal) and ends the connection.
  Task<void> Close(uint16_t code);

 private:
  std::unique_ptr<ByteStream> stream_;
  WebSocketParser parser_;
  std::string message_;
  std::optional<WebSocketOpcode> message_opcode_;
};

}  // namespace wherry::http
