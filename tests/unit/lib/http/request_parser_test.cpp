#include "lib/http/request_parser.h"

#include <gtest/gtest.h>

namespace wherry::http {
namespace {

// Feeds `bytes` in pieces of `step`, keeping what the parser leaves, as a connection does. Says
// what was left over.
std::string FeedAll(RequestParser& parser, std::string_view bytes, size_t step) {
  std::string buffer;
  while (!parser.done() && parser.failure() == nullptr && !bytes.empty()) {
    buffer += bytes.substr(0, step);
    bytes.remove_prefix(std::min(step, bytes.size()));
    buffer.erase(0, parser.Feed(buffer));
  }
  return buffer + std::string(bytes);
}

TEST(RequestParserTest, ReadsARequestInAnyPieces) {
  const std::string text =
      "POST /api/v1/pods?dryRun=All HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX-A:  b \r\n\r\n"
      "helloGET / HTTP/1.1\r\n";
  for (size_t step = 1; step <= text.size(); ++step) {
    RequestParser parser({});
    const std::string rest = FeedAll(parser, text, step);
    ASSERT_TRUE(parser.done()) << step;
    EXPECT_TRUE(parser.keep_alive());
    const Request request = parser.Take();
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/api/v1/pods?dryRun=All");
    EXPECT_EQ(request.headers.Get("x-a"), "b");
    EXPECT_EQ(request.body, "hello");
    EXPECT_EQ(rest, "GET / HTTP/1.1\r\n") << step;
  }
}

TEST(RequestParserTest, ReadsAChunkedBodyInAnyPieces) {
  const std::string text =
      "PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: t\r\n\r\nrest";
  for (size_t step = 1; step <= text.size(); ++step) {
    RequestParser parser({});
    const std::string rest = FeedAll(parser, text, step);
    ASSERT_TRUE(parser.done()) << step;
    EXPECT_EQ(parser.Take().body, "hello world");
    EXPECT_EQ(rest, "rest") << step;
  }
}

TEST(RequestParserTest, RefusesWithTheRightStatus) {
  struct Row {
    std::string text;
    int http_status;
  };
  const std::string host = "Host: a\r\n";
  const std::vector<Row> rows = {
      {"garbage\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},                     // no Host
      {"GET / HTTP/1.1\r\n" + host + host + "\r\n", 400},  // two
      {"GET / HTTP/1.1\r\nbad field\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},  // RFC 9112 section 5.1
      {"GET / HTTP/3.0\r\n" + host + "\r\n", 505},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 1x\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
       400},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"POST / HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 101\r\n\r\n", 413},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n65\r\n" +
           std::string(0x65, 'x'),
       413},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
      {"GET /" + std::string(2000, 'a') + " HTTP/1.1\r\n" + host + "\r\n", 431},
      {"GET / HTTP/1.1\r\n" + host + "X: " + std::string(2000, 'a') + "\r\n\r\n", 431},
      {"GET / HTTP/1.1\r\n" + host + "X: " + std::string(2000, 'a'), 431},
  };
  for (const Row& row : rows) {
    RequestParser parser({.head_bytes_max = 1024, .body_bytes_max = 100});
    FeedAll(parser, row.text, 10'000);
    ASSERT_NE(parser.failure(), nullptr) << row.text;
    EXPECT_EQ(parser.failure()->http_status, row.http_status) << row.text;
    EXPECT_FALSE(parser.done());
  }
}

TEST(RequestParserTest, TargetsArriveInOriginForm) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"/a?b", "/a?b"},
      {"http://h:1/a?b", "/a?b"},
      {"HTTPS://h/x", "/x"},
      {"http://h", "/"},
      {"http://h?q=1", "/?q=1"},
      {"*", "*"},
      {"//double/a", "//double/a"},
  };
  for (const auto& [sent, read] : rows) {
    RequestParser parser({});
    FeedAll(parser, "GET " + sent + " HTTP/1.1\r\nHost: h\r\n\r\n", 1000);
    ASSERT_TRUE(parser.done()) << sent;
    EXPECT_EQ(parser.Take().target, read);
  }
  for (const char* bad : {"h:443", "a/b", "ftp://h/x", "?x"}) {
    RequestParser parser({});
    FeedAll(parser, std::string("GET ") + bad + " HTTP/1.1\r\nHost: h\r\n\r\n", 1000);
    ASSERT_NE(parser.failure(), nullptr) << bad;
    EXPECT_EQ(parser.failure()->http_status, 400) << bad;
  }
}

TEST(RequestParserTest, KnowsWhenTheConnectionEnds) {
  RequestParser close({});
  FeedAll(close, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 1000);
  EXPECT_FALSE(close.keep_alive());
  RequestParser old({});
  FeedAll(old, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 1000);
  ASSERT_TRUE(old.done());
  EXPECT_FALSE(old.keep_alive());
  EXPECT_TRUE(old.is_http_1_0());
}

}  // namespace
}  // namespace wherry::http
