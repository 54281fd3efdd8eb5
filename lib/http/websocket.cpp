#include "lib/http/websocket.h"

#include "lib/base/ascii.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <array>
#include <cctype>
#include <utility>

namespace wherry::http {

namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 section 1.3
constexpr size_t kControlPayloadMax = 125;
constexpr size_t kMaskBytes = 4;

bool IsControl(WebSocketOpcode opcode) { return static_cast<uint8_t>(opcode) >= 8; }

bool IsKnown(uint8_t opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

// Whether the comma-separated list contains the token, without case.
bool HasToken(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    std::string_view item = list.substr(0, comma);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (AsciiLowered(item) == token) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

std::string AcceptKey(std::string_view key) {
  const std::string text = std::string(key) + std::string(kGuid);
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  std::array<unsigned char, 64> encoded;
  const int length = EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(size));
  return std::string(encoded.begin(), encoded.begin() + length);
}

Error Broken(std::string_view what) {
  return MakeError(Reason::kBadRequest, "websocket: " + std::string(what));
}

}  // namespace

void WebSocketParser::Feed(std::string_view bytes) {
  buffer_.erase(0, std::exchange(taken_, 0));
  buffer_.append(bytes);
}

Result<std::optional<WebSocketFrame>> WebSocketParser::Next() {
  const std::string_view rest = std::string_view(buffer_).substr(taken_);
  auto byte = [rest](size_t at) { return static_cast<uint8_t>(rest[at]); };
  std::optional<WebSocketFrame> none;
  if (rest.size() < 2) return none;
  const uint8_t first = byte(0);
  const uint8_t second = byte(1);
  if ((first & 0x70) != 0) return Broken("reserved bits are set");
  if (!IsKnown(first & 0x0f)) return Broken("unknown opcode");
  if ((second & 0x80) == 0) return Broken("a client's frame must be masked");
  WebSocketFrame frame;
  frame.last = (first & 0x80) != 0;
  frame.opcode = static_cast<WebSocketOpcode>(first & 0x0f);
  uint64_t length = second & 0x7f;
  size_t head = 2;
  if (IsControl(frame.opcode) && (length > kControlPayloadMax || !frame.last))
    return Broken("a control frame must be short and whole");
  const size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
  if (rest.size() < head + extra) return none;
  if (extra > 0) {
    length = 0;
    for (size_t i = 0; i < extra; ++i) length = (length << 8) | byte(head + i);
    head += extra;
  }
  if (length > payload_bytes_max_) return Broken("the frame is too long");
  const size_t size = static_cast<size_t>(length);
  if (rest.size() < head + kMaskBytes + size) return none;
  frame.payload = rest.substr(head + kMaskBytes, size);
  for (size_t i = 0; i < size; ++i)
    frame.payload[i] = static_cast<char>(frame.payload[i] ^ rest[head + i % kMaskBytes]);
  taken_ += head + kMaskBytes + size;
  return std::optional<WebSocketFrame>(std::move(frame));
}

std::string EncodeWebSocketFrame(WebSocketOpcode opcode, std::string_view payload) {
  std::string frame;
  frame += static_cast<char>(0x80 | static_cast<uint8_t>(opcode));
  const uint64_t length = payload.size();
  auto append = [&frame, length](int bytes) {
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
      frame += static_cast<char>((length >> shift) & 0xff);
  };
  if (length < 126) {
    frame += static_cast<char>(length);
  } else if (length <= 0xffff) {
    frame += static_cast<char>(126);
    append(2);
  } else {
    frame += static_cast<char>(127);
    append(8);
  }
  return frame.append(payload);
}

bool IsWebSocketRequest(const Request& request) {
  return HasToken(request.headers.Get("Connection"), "upgrade") &&
         HasToken(request.headers.Get("Upgrade"), "websocket");
}

std::optional<std::string> ChooseWebSocketProtocol(const Request& request,
                                                   const std::vector<std::string>& supported) {
  const std::string offers = AsciiLowered(request.headers.Get("Sec-WebSocket-Protocol"));
  if (offers.empty()) return "";
  for (const auto& protocol : supported)
    if (HasToken(offers, AsciiLowered(protocol))) return protocol;
  return std::nullopt;
}

Result<Response> AcceptWebSocket(const Request& request, const std::string& protocol,
                                 std::unique_ptr<UpgradeHandler> handler) {
  const std::string_view key = request.headers.Get("Sec-WebSocket-Key");
  if (key.empty()) return Broken("the request has no Sec-WebSocket-Key");
  if (request.headers.Get("Sec-WebSocket-Version") != "13")
    return Broken("only version 13 is spoken");
  Response response;
  response.status = 101;
  response.headers.Set("Connection", "Upgrade");
  response.headers.Set("Upgrade", "websocket");
  response.headers.Set("Sec-WebSocket-Accept", AcceptKey(key));
  if (!protocol.empty()) response.headers.Set("Sec-WebSocket-Protocol", protocol);
  response.upgrade = std::move(handler);
  return response;
}

Task<Result<std::optional<WebSocketFrame>>> WebSocket::Read() {
  while (true) {
    CO_TRY(std::optional<WebSocketFrame> frame, parser_.Next());
    if (!frame) {
      auto reading = stream_->Read();
      CO_TRY(std::string bytes, co_await std::move(reading));
      if (bytes.empty()) co_return std::optional<WebSocketFrame>();
      parser_.Feed(bytes);
      continue;
    }
    if (frame->opcode == WebSocketOpcode::kClose) co_return std::optional<WebSocketFrame>();
    if (frame->opcode == WebSocketOpcode::kPong) continue;
    if (frame->opcode == WebSocketOpcode::kPing) {
      auto answering = Write(WebSocketOpcode::kPong, std::move(frame->payload));
      CO_TRY_STATUS(co_await std::move(answering));
      continue;
    }
    if ((frame->opcode == WebSocketOpcode::kContinuation) != message_opcode_.has_value())
      co_return Broken("a fragment is out of order");
    if (!message_opcode_) message_opcode_ = frame->opcode;
    message_ += frame->payload;
    if (message_.size() > 4 * 1024 * 1024) co_return Broken("the message is too long");
    if (!frame->last) continue;
    WebSocketFrame message{.opcode = *message_opcode_, .payload = std::move(message_)};
    message_.clear();
    message_opcode_.reset();
    co_return std::optional<WebSocketFrame>(std::move(message));
  }
}

Task<Status> WebSocket::Write(WebSocketOpcode opcode, std::string payload) {
  auto writing = stream_->Write(EncodeWebSocketFrame(opcode, payload));
  auto written = co_await std::move(writing);
  co_return written;
}

Task<void> WebSocket::Close(uint16_t code) {
  std::string payload;
  payload += static_cast<char>(code >> 8);
  payload += static_cast<char>(code & 0xff);
  auto saying = Write(WebSocketOpcode::kClose, std::move(payload));
  auto said = co_await std::move(saying);
  Ignore(said, "the connection ends in any case");
  stream_->Close();
}

}  // namespace wherry::http
