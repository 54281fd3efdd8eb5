#include "lib/http/websocket.h"

#include <gtest/gtest.h>

namespace wherry::http {
namespace {

std::string Masked(uint8_t first, std::string_view payload) {
  std::string frame;
  frame += static_cast<char>(first);
  frame += static_cast<char>(0x80 | payload.size());
  const std::string mask = "\x01\x02\x03\x04";
  frame += mask;
  for (size_t i = 0; i < payload.size(); ++i) frame += static_cast<char>(payload[i] ^ mask[i % 4]);
  return frame;
}

TEST(WebSocketTest, FramesAreUnmaskedHoweverTheyArrive) {
  const std::string bytes = Masked(0x82, "hello") + Masked(0x89, "");
  WebSocketParser parser;
  std::vector<WebSocketFrame> frames;
  for (const char c : bytes) {
    parser.Feed(std::string_view(&c, 1));
    auto frame = parser.Next();
    ASSERT_TRUE(frame.ok());
    if (frame->has_value()) frames.push_back(**frame);
  }
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0].payload, "hello");
  EXPECT_EQ(frames[1].opcode, WebSocketOpcode::kPing);
}

TEST(WebSocketTest, RefusesWhatTheRfcForbids) {
  auto accepted = [](std::string_view bytes, size_t max) {
    WebSocketParser parser(max);
    parser.Feed(bytes);
    return parser.Next().ok();
  };
  EXPECT_TRUE(accepted(Masked(0x82, "ok"), 10));
  EXPECT_FALSE(accepted("\x82\x02ok", 10));         // not masked
  EXPECT_FALSE(accepted(Masked(0xc2, "ok"), 10));   // reserved bit
  EXPECT_FALSE(accepted(Masked(0x83, "ok"), 10));   // unknown opcode
  EXPECT_FALSE(accepted(Masked(0x09, ""), 10));     // fragmented ping
  EXPECT_FALSE(accepted(Masked(0x82, "long"), 3));  // too long
}

TEST(WebSocketTest, LengthsAreWrittenInTheirShortestForm) {
  EXPECT_EQ(EncodeWebSocketFrame(WebSocketOpcode::kText, std::string(125, 'x')).size(), 127U);
  EXPECT_EQ(EncodeWebSocketFrame(WebSocketOpcode::kText, std::string(126, 'x')).size(), 130U);
  EXPECT_EQ(EncodeWebSocketFrame(WebSocketOpcode::kText, std::string(65536, 'x')).size(), 65546U);
}

}  // namespace
}  // namespace wherry::http
