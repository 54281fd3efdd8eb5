#pragma once

#include "lib/http/message.h"
#include "lib/loop/sync.h"

#include <memory>
#include <string>
#include <utility>

namespace wherry::nodeagent::streaming {

// The test's end of a connection.
struct Wire {
  explicit Wire(Loop& loop) : changed(loop) {}
  std::string to_server;
  std::string from_server;
  bool client_closed = false;
  bool server_closed = false;
  Notifier changed;
};
class WireStream : public http::ByteStream {
 public:
  explicit WireStream(Wire& wire) : wire_(wire) {}
  Task<Result<std::string>> Read() override {
    while (wire_.to_server.empty() && !wire_.client_closed) co_await wire_.changed.Wait();
    co_return std::exchange(wire_.to_server, "");
  }
  Task<Status> Write(std::string bytes) override {
    wire_.from_server += bytes;
    co_return Ok();
  }
  void Close() override { wire_.server_closed = true; }

 private:
  Wire& wire_;
};

// What a client sends to speak `protocol` over SPDY, or over a WebSocket.
inline http::Headers SpdyUpgrade(const std::string& protocol) {
  http::Headers headers;
  headers.Set("Connection", "Upgrade");
  headers.Set("Upgrade", "SPDY/3.1");
  headers.Add("X-Stream-Protocol-Version", protocol);
  return headers;
}
inline http::Headers WebSocketUpgrade(const std::string& protocol) {
  http::Headers headers;
  headers.Set("Connection", "Upgrade");
  headers.Set("Upgrade", "websocket");
  headers.Set("Sec-WebSocket-Version", "13");
  headers.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
  headers.Set("Sec-WebSocket-Protocol", protocol);
  return headers;
}

// A message as a browser sends it: masked.
inline std::string ClientFrame(uint8_t opcode, const std::string& payload) {
  std::string frame(1, static_cast<char>(0x80 | opcode));
  if (payload.size() < 126) {
    frame += static_cast<char>(0x80 | payload.size());
  } else {
    frame += static_cast<char>(0x80 | 126);
    frame += static_cast<char>(payload.size() >> 8);
    frame += static_cast<char>(payload.size() & 0xff);
  }
  const std::string mask = "\x01\x02\x03\x04";
  frame += mask;
  for (size_t i = 0; i < payload.size(); ++i) frame += static_cast<char>(payload[i] ^ mask[i % 4]);
  return frame;
}

}  // namespace wherry::nodeagent::streaming
