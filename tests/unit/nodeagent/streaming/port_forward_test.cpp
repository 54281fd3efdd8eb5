#include "nodeagent/streaming/port_forward.h"

#include "lib/http/websocket.h"
#include "lib/loop/task_scope.h"
#include "nodeagent/runtime/fake/fake_runtime.h"
#include "nodeagent/streaming/spdy.h"
#include "tests/unit/nodeagent/streaming/wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace wherry::nodeagent::streaming {
namespace {

using ::testing::HasSubstr;

// The fake runtime's ports repeat what they hear; those below 1000 refuse.
class PortForwardTest : public ::testing::Test {
 protected:
  PortForwardTest() {
    connect_ = [this](uint16_t port) { return runtime_.Connect("uid", port); };
  }
  void Begin(http::Headers headers, const std::string& query = "") {
    http::Request request;
    request.method = "POST";
    request.target = "/portForward/default/p?" + query;
    request.headers = std::move(headers);
    auto response = UpgradeToPortForward(sim_.world(), request, "p", connect_);
    ASSERT_TRUE(response.ok()) << response.error().message;
    ASSERT_EQ(response->status, 101);
    response_headers_ = response->headers;
    handler_ = std::move(response->upgrade);
    scope_.Spawn("conversation", handler_->Run(std::make_unique<WireStream>(wire_)));
    sim_.Settle();
  }
  void Send(const std::string& bytes) {
    wire_.to_server += bytes;
    wire_.changed.Notify();
    sim_.Settle();
  }
  std::string Open(uint32_t error_id, const std::string& port, const std::string& request) {
    std::string frames;
    uint32_t id = error_id;
    for (const char* type : {"error", "data"}) {
      frames +=
          client_.SynStream(id, {{"streamtype", type}, {"port", port}, {"requestid", request}});
      id += 2;
    }
    return frames;
  }

  struct Heard {
    std::map<uint32_t, std::string> data;
    std::set<uint32_t> ended;
    std::set<uint32_t> reset;
    std::set<uint32_t> pings;
  };
  static Heard Read(const std::string& bytes) {
    SpdyParser parser;
    parser.Feed(bytes);
    Heard heard;
    while (true) {
      auto frame = parser.Next();
      if (!frame.ok() || !frame->has_value()) break;
      const SpdyFrame& got = **frame;
      if (got.type == SpdyFrame::Type::kData) heard.data[got.stream_id] += got.data;
      if (got.type == SpdyFrame::Type::kData && got.last) heard.ended.insert(got.stream_id);
      if (got.type == SpdyFrame::Type::kReset) heard.reset.insert(got.stream_id);
      if (got.type == SpdyFrame::Type::kPing) heard.pings.insert(got.stream_id);
    }
    return heard;
  }
  static http::Headers Spdy() { return SpdyUpgrade("portforward.k8s.io"); }

  SimWorld sim_{5};
  runtime::fake::FakeRuntime::Node node_{sim_.world()};
  runtime::fake::FakeRuntime runtime_{sim_.world(), node_};
  ConnectToPort connect_;
  Wire wire_{sim_.world().loop};
  SpdyWriter client_;
  http::Headers response_headers_;
  std::unique_ptr<http::UpgradeHandler> handler_;
  TaskScope scope_{sim_.world().loop};
};

TEST_F(PortForwardTest, CarriesConnectionsSideBySide) {
  Begin(Spdy());
  EXPECT_EQ(response_headers_.Get("X-Stream-Protocol-Version"), "portforward.k8s.io");
  Send(Open(1, "8080", "0") + Open(5, "9090", "1"));
  Send(SpdyWriter::Data(1, "", true) + SpdyWriter::Data(3, "one", false) +
       SpdyWriter::Data(7, "two", false) + SpdyWriter::Ping(11));
  Heard heard = Read(wire_.from_server);
  EXPECT_EQ(heard.data[3], "one");
  EXPECT_EQ(heard.data[7], "two");
  EXPECT_TRUE(heard.pings.contains(11));
  EXPECT_FALSE(heard.ended.contains(3));
  // The client's end of one ends that one.
  Send(SpdyWriter::Data(3, "", true));
  heard = Read(wire_.from_server);
  EXPECT_TRUE(heard.ended.contains(1));
  EXPECT_TRUE(heard.ended.contains(3));
  EXPECT_FALSE(heard.ended.contains(7));
  Send(SpdyWriter::Data(7, " three", false));
  EXPECT_EQ(Read(wire_.from_server).data[7], "two three");
}

TEST_F(PortForwardTest, SaysWhyItCannotConnect) {
  Begin(Spdy());
  Send(Open(1, "80", "0"));
  Heard heard = Read(wire_.from_server);
  EXPECT_EQ(heard.data[1],
            "error forwarding port 80 to pod p: connect to '127.0.0.1:80': Connection refused");
  EXPECT_TRUE(heard.ended.contains(1));
  EXPECT_TRUE(heard.ended.contains(3));
  EXPECT_FALSE(wire_.server_closed) << "other connections go on";
}

// A stream that is reset takes its connection with it, and nothing else.
TEST_F(PortForwardTest, AResetEndsOneConnection) {
  Begin(Spdy());
  Send(Open(1, "8080", "0") + Open(5, "8080", "1"));
  Send(SpdyWriter::Reset(3, 5) + SpdyWriter::Data(3, "lost", false) +
       SpdyWriter::Data(7, "kept", false));
  Heard heard = Read(wire_.from_server);
  EXPECT_EQ(heard.data.count(3), 0u);
  EXPECT_EQ(heard.data[7], "kept");
}

TEST_F(PortForwardTest, RefusesStreamsThatMakeNoSense) {
  Begin(Spdy());
  Send(client_.SynStream(1, {{"streamtype", "error"}, {"port", "0"}, {"requestid", "0"}}) +
       client_.SynStream(3, {{"streamtype", "stdin"}, {"port", "80"}, {"requestid", "1"}}) +
       client_.SynStream(5, {{"streamtype", "data"}, {"port", "99999"}, {"requestid", "2"}}) +
       client_.SynStream(7, {{"streamtype", "data"}, {"port", "8080"}, {"requestid", "3"}}) +
       client_.SynStream(9, {{"streamtype", "data"}, {"port", "8080"}, {"requestid", "3"}}) +
       client_.SynStream(11, {{"streamtype", "error"}, {"port", "8081"}, {"requestid", "3"}}));
  EXPECT_EQ(Read(wire_.from_server).reset, (std::set<uint32_t>{1, 3, 5, 9, 11}));
  EXPECT_FALSE(wire_.server_closed);
  Send(SpdyWriter::Data(7, "too early", false));
  EXPECT_TRUE(wire_.server_closed);
}

TEST_F(PortForwardTest, BoundsTheConnections) {
  Begin(Spdy());
  uint32_t id = 1;
  for (int i = 0; i < 257; ++i, id += 4) Send(Open(id, "8080", std::to_string(i)));
  EXPECT_EQ(Read(wire_.from_server).reset, (std::set<uint32_t>{id - 4, id - 2}));
  // One that has ended makes room.
  Send(SpdyWriter::Data(3, "", true));
  wire_.from_server.clear();
  Send(Open(id, "8080", "more"));
  EXPECT_TRUE(Read(wire_.from_server).reset.empty());
}

// A pod that takes nothing holds up its client, not more than five minutes, and not in our memory.
TEST_F(PortForwardTest, APodThatTakesNothingIsCutOff) {
  class Stuck : public runtime::PodConnection {
   public:
    explicit Stuck(Loop& loop) : never_(loop) {}
    Task<Result<std::string>> Read() override {
      co_await never_.Wait();
      co_return std::string();
    }
    Task<Status> Write(std::string) override {
      co_await never_.Wait();
      co_return Ok();
    }
    void CloseWrite() override {}

   private:
    Notifier never_;
  };
  connect_ = [this](uint16_t) -> Task<Result<std::unique_ptr<runtime::PodConnection>>> {
    std::unique_ptr<runtime::PodConnection> stuck = std::make_unique<Stuck>(sim_.world().loop);
    co_return stuck;
  };
  Begin(Spdy());
  Send(Open(1, "8080", "0"));
  const std::string piece(200 * 1024, 'x');
  for (int i = 0; i < 3; ++i) Send(SpdyWriter::Data(3, piece, false));
  Send(SpdyWriter::Ping(11));
  EXPECT_TRUE(Read(wire_.from_server).pings.empty()) << "the client is not read from";
  sim_.Advance(std::chrono::minutes(5));
  sim_.Settle();
  Heard heard = Read(wire_.from_server);
  EXPECT_TRUE(heard.pings.contains(11));
  EXPECT_EQ(heard.data[1], "the pod takes no more");
  EXPECT_TRUE(heard.ended.contains(3));
}

TEST_F(PortForwardTest, AClientThatHangsUpEndsEverything) {
  Begin(Spdy());
  Send(Open(1, "8080", "0"));
  EXPECT_EQ(scope_.size(), 1U);
  wire_.client_closed = true;
  wire_.changed.Notify();
  sim_.Settle();
  EXPECT_EQ(scope_.size(), 0U);
}

// kubectl since 1.31: the same frames inside of WebSocket messages, cut anywhere.
TEST_F(PortForwardTest, SpdyInsideOfAWebSocket) {
  Begin(WebSocketUpgrade("SPDY/3.1+portforward.k8s.io"));
  EXPECT_EQ(response_headers_.Get("Sec-WebSocket-Protocol"), "SPDY/3.1+portforward.k8s.io");
  const std::string frames = Open(1, "8080", "0") + SpdyWriter::Data(3, "hello", false);
  Send(ClientFrame(2, frames.substr(0, 5)) + ClientFrame(2, "") + ClientFrame(2, frames.substr(5)));
  EXPECT_THAT(wire_.from_server, HasSubstr(SpdyWriter::Data(3, "hello", false)));
  Send(ClientFrame(8, "\x03\xe8"));
  EXPECT_TRUE(wire_.server_closed);
  EXPECT_EQ(scope_.size(), 0U);
}

// What other clients speak: a pair of channels for each port.
TEST_F(PortForwardTest, WebSocketChannels) {
  Begin(WebSocketUpgrade("v4.channel.k8s.io"), "port=8080,80");
  EXPECT_THAT(wire_.from_server, HasSubstr(std::string("\x82\x03\x00\x90\x1f", 5)));
  EXPECT_THAT(wire_.from_server, HasSubstr(std::string("\x82\x03\x01\x90\x1f", 5)));
  EXPECT_THAT(wire_.from_server, HasSubstr(std::string("\x82\x03\x02\x50\x00", 5)));
  EXPECT_THAT(wire_.from_server, HasSubstr("\x03"
                                           "error forwarding port 80 to pod p"));
  Send(ClientFrame(2, std::string(1, '\0') + "hello"));
  EXPECT_THAT(wire_.from_server, HasSubstr(std::string("\x82\x06\x00hello", 8)));
  Send(ClientFrame(2, "\x04no such channel"));
  EXPECT_TRUE(wire_.server_closed);
}

TEST_F(PortForwardTest, Base64Channels) {
  Begin(WebSocketUpgrade("v4.base64.channel.k8s.io"), "port=8080");
  Send(ClientFrame(1, "0aGVsbG8="));
  EXPECT_THAT(wire_.from_server, HasSubstr("0aGVsbG8="));
}

TEST_F(PortForwardTest, RefusesWhatItCannotServe) {
  auto accepted = [this](http::Headers headers, const std::string& query) {
    http::Request request;
    request.target = "/portForward/default/p?" + query;
    request.headers = std::move(headers);
    return UpgradeToPortForward(sim_.world(), request, "p", connect_).ok();
  };
  EXPECT_FALSE(accepted({}, ""));
  EXPECT_FALSE(accepted(WebSocketUpgrade("chat"), ""));
  EXPECT_FALSE(accepted(WebSocketUpgrade("v4.channel.k8s.io"), ""));
  EXPECT_FALSE(accepted(WebSocketUpgrade("v4.channel.k8s.io"), "port=70000"));
  EXPECT_FALSE(accepted(WebSocketUpgrade("v4.channel.k8s.io"), "port=80,,81"));
  http::Headers other = Spdy();
  other.Set("X-Stream-Protocol-Version", "other.k8s.io");
  EXPECT_FALSE(accepted(other, ""));
}

}  // namespace
}  // namespace wherry::nodeagent::streaming
