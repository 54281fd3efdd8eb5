#include "nodeagent/streaming/spdy.h"

#include <gtest/gtest.h>

namespace wherry::nodeagent::streaming {
namespace {

// Header blocks of one connection share a zlib stream, however the bytes arrive.
TEST(SpdyTest, StreamsAndDataSurviveAnyCutting) {
  SpdyWriter writer;
  const std::string bytes = writer.SynStream(1, {{"streamtype", "error"}}) +
                            writer.SynStream(3, {{"streamtype", "stdout"}, {"port", "80"}}) +
                            SpdyWriter::Data(3, "ahoy", true) + SpdyWriter::Ping(7) +
                            SpdyWriter::GoAway(3);
  for (size_t step : {size_t{1}, size_t{7}, bytes.size()}) {
    SpdyParser parser;
    std::vector<SpdyFrame> frames;
    for (size_t at = 0; at < bytes.size(); at += step) {
      parser.Feed(std::string_view(bytes).substr(at, step));
      while (true) {
        auto frame = parser.Next();
        ASSERT_TRUE(frame.ok()) << frame.error().message;
        if (!frame->has_value()) break;
        frames.push_back(**frame);
      }
    }
    ASSERT_EQ(frames.size(), 5U);
    EXPECT_EQ(frames[0].headers.at("streamtype"), "error");
    EXPECT_EQ(frames[1].stream_id, 3U);
    EXPECT_EQ(frames[1].headers.at("port"), "80");
    EXPECT_EQ(frames[2].data, "ahoy");
    EXPECT_TRUE(frames[2].last);
    EXPECT_EQ(frames[3].type, SpdyFrame::Type::kPing);
    EXPECT_EQ(frames[3].stream_id, 7U);
    EXPECT_EQ(frames[4].type, SpdyFrame::Type::kGoAway);
  }
}

TEST(SpdyTest, RefusesWhatIsMalformed) {
  auto first_error = [](std::string_view bytes) {
    SpdyParser parser;
    parser.Feed(bytes);
    auto frame = parser.Next();
    return frame.ok() ? std::string() : frame.error().message;
  };
  using std::string_view_literals::operator""sv;
  EXPECT_EQ(first_error("\x80\x02\x00\x06\x00\x00\x00\x00"sv), "spdy: another version than 3");
  EXPECT_EQ(first_error("\x80\x03\x00\x01\x00\x00\x00\x02xx"sv),
            "spdy: a control frame is too short");
  EXPECT_EQ(first_error("\x00\x00\x00\x01\x00\xff\xff\xff"sv), "spdy: a frame is too long");
  EXPECT_EQ(first_error("\x80\x03\x00\x01\x00\x00\x00\x0c"
                        "0123456789zz"sv),
            "spdy: a header block does not inflate");
}

}  // namespace
}  // namespace wherry::nodeagent::streaming
