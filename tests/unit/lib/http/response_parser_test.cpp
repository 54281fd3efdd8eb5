#include "lib/http/response_parser.h"

#include <gtest/gtest.h>

namespace wherry::http {
namespace {

struct Outcome {
  bool ok = true;
  bool done = false;
  Response response;
  std::string rest;
};

Outcome Read(std::string_view text, size_t step, bool end = false) {
  ResponseParser parser({.head_bytes_max = 256, .body_bytes_max = 16});
  Outcome outcome;
  while (!text.empty() && outcome.ok && !parser.done()) {
    outcome.ok = parser.Feed(text.substr(0, step)).ok();
    text.remove_prefix(std::min(step, text.size()));
  }
  if (outcome.ok && !parser.done() && end) outcome.ok = parser.FeedEnd().ok();
  outcome.done = parser.done();
  outcome.response = parser.Take();
  outcome.rest = parser.rest() + std::string(text);
  return outcome;
}

TEST(ResponseParser, AnUpgradeIsDoneWithItsHead) {
  const std::string text =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nUpgrade:  SPDY/3.1 \r\n"
      "X: a:b\r\n\r\nframes";
  for (size_t step : {size_t{1}, size_t{7}, size_t{1000}}) {
    Outcome got = Read(text, step);
    ASSERT_TRUE(got.ok && got.done);
    EXPECT_EQ(got.response.status, 101);
    EXPECT_EQ(got.response.headers.Get("upgrade"), "SPDY/3.1");
    EXPECT_EQ(got.response.headers.Get("X"), "a:b");
    EXPECT_EQ(got.rest, "frames");
  }
}

TEST(ResponseParser, BodiesEndAsTheHeadSays) {
  for (size_t step : {size_t{1}, size_t{1000}}) {
    EXPECT_EQ(Read("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone+", step).response.body,
              "gone");
    EXPECT_EQ(
        Read("HTTP/1.1 500\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
             step)
            .response.body,
        "abc");
    EXPECT_EQ(Read("HTTP/1.0 400 Bad\r\n\r\nto the end", step, true).response.body, "to the end");
    EXPECT_TRUE(Read("HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n", step).done);
  }
  Outcome cut = Read("HTTP/1.1 500 X\r\nContent-Length: 99999999\r\n\r\n0123456789abcdefXYZ", 1000);
  EXPECT_TRUE(cut.done);
  EXPECT_EQ(cut.response.body, "0123456789abcdef");
}

TEST(ResponseParser, RefusesWhatIsNoResponse) {
  for (const char* text :
       {"SSH-2.0-x\r\n\r\n", "HTTP/1.1 10\r\n\r\n", "HTTP/1.1 1011 X\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\n: x\r\n\r\n", "HTTP/1.1 200 OK\r\nx\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    EXPECT_FALSE(Read(text, 1000).ok) << text;
  }
  EXPECT_FALSE(Read("HTTP/1.1 200 OK\r\nA: " + std::string(300, 'x'), 1000).ok);
  EXPECT_FALSE(Read("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab", 1000, true).ok);
}

}  // namespace
}  // namespace wherry::http
