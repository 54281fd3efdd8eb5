#include "nodeagent/streaming/remote_command.h"

#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "nodeagent/runtime/fake/fake_runtime.h"
#include "nodeagent/streaming/spdy.h"
#include "tests/unit/nodeagent/streaming/wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace wherry::nodeagent::streaming {
namespace {

using ::testing::HasSubstr;

class RemoteCommandTest : public ::testing::Test {
 protected:
  void Begin(const std::string& query, http::Headers headers) {
    http::Request request;
    request.method = "POST";
    request.headers = std::move(headers);
    auto command = ParseRemoteCommand(query, true);
    ASSERT_TRUE(command.ok()) << command.error().message;
    auto start = [this](runtime::ExecOptions options) {
      return runtime_.Exec("uid", "c", std::move(options));
    };
    auto response =
        UpgradeToRemoteCommand(sim_.world(), request, std::move(*command), std::move(start));
    ASSERT_TRUE(response.ok()) << response.error().message;
    ASSERT_EQ(response->status, 101);
    response_headers_ = response->headers;
    handler_ = std::move(response->upgrade);
    auto stream = std::make_unique<WireStream>(wire_);
    scope_.Spawn("conversation", handler_->Run(std::move(stream)));
    sim_.Settle();
  }
  void Send(const std::string& bytes) {
    wire_.to_server += bytes;
    wire_.changed.Notify();
    sim_.Settle();
  }
  // What the server sent so far, by SPDY stream.
  std::map<uint32_t, std::string> SpdyData() {
    SpdyParser parser;
    parser.Feed(wire_.from_server);
    std::map<uint32_t, std::string> data;
    while (true) {
      auto frame = parser.Next();
      if (!frame.ok() || !frame->has_value()) break;
      if ((*frame)->type == SpdyFrame::Type::kData) data[(*frame)->stream_id] += (*frame)->data;
    }
    return data;
  }
  static http::Headers Spdy() { return SpdyUpgrade("v4.channel.k8s.io"); }

  SimWorld sim_{5};
  runtime::fake::FakeRuntime::Node node_{sim_.world()};
  runtime::fake::FakeRuntime runtime_{sim_.world(), node_};
  Wire wire_{sim_.world().loop};
  http::Headers response_headers_;
  std::unique_ptr<http::UpgradeHandler> handler_;
  TaskScope scope_{sim_.world().loop};
};

TEST_F(RemoteCommandTest, SpdyCarriesOutputAndTheExitCode) {
  runtime_.on_exec = [](const std::string&, const std::string&,
                        const std::vector<std::string>& command) -> Result<runtime::ExecResult> {
    return runtime::ExecResult{.exit_code = 3, .output = command.at(1)};
  };
  Begin("output=1&command=echo&command=hello%20there", Spdy());
  SpdyWriter client;
  Send(client.SynStream(1, {{"streamtype", "error"}}) +
       client.SynStream(3, {{"streamtype", "stdout"}}));
  const auto data = SpdyData();
  EXPECT_EQ(data.at(3), "hello there");
  EXPECT_THAT(data.at(1), HasSubstr(R"("reason":"NonZeroExitCode")"));
  EXPECT_THAT(data.at(1), HasSubstr(R"("message":"3")"));
  EXPECT_TRUE(wire_.server_closed);
}

TEST_F(RemoteCommandTest, SpdyCarriesInputUntilItIsClosed) {
  Begin("input=1&output=1&command=cat", Spdy());
  SpdyWriter client;
  Send(client.SynStream(1, {{"streamtype", "error"}}) +
       client.SynStream(3, {{"streamtype", "stdin"}}) +
       client.SynStream(5, {{"streamtype", "stdout"}}));
  Send(SpdyWriter::Data(3, "one ", false));
  Send(SpdyWriter::Data(3, "two", true));
  const auto data = SpdyData();
  EXPECT_EQ(data.at(5), "one two");
  EXPECT_EQ(data.at(1), R"({"metadata":{},"status":"Success"})");
}

TEST_F(RemoteCommandTest, WebSocketPrefixesTheChannel) {
  runtime_.on_exec = [](const std::string&, const std::string&,
                        const std::vector<std::string>&) -> Result<runtime::ExecResult> {
    return runtime::ExecResult{.output = "hi"};
  };
  Begin("output=1&error=1&command=x", WebSocketUpgrade("v4.channel.k8s.io"));
  EXPECT_EQ(response_headers_.Get("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(response_headers_.Get("Sec-WebSocket-Protocol"), "v4.channel.k8s.io");
  EXPECT_THAT(wire_.from_server, HasSubstr("\x82\x03\x01hi"));
  EXPECT_THAT(wire_.from_server, HasSubstr("\x03{\"metadata\":{},\"status\":\"Success\"}"));
}

// The first protocol has no JSON status: success is silence.
TEST_F(RemoteCommandTest, TheOldProtocolSaysNothingOnSuccess) {
  Begin("output=1&command=x", WebSocketUpgrade("channel.k8s.io"));
  EXPECT_EQ(wire_.from_server.find("Success"), std::string::npos);
  EXPECT_TRUE(wire_.server_closed);
}

// kubectl since 1.30: the fifth protocol can say that the input has ended.
TEST_F(RemoteCommandTest, TheFifthProtocolClosesTheInput) {
  Begin("input=1&output=1&command=cat", WebSocketUpgrade("v5.channel.k8s.io"));
  Send(ClientFrame(2, std::string(1, '\0') + "one"));
  EXPECT_THAT(wire_.from_server, HasSubstr("\x82\x04\x01one"));
  EXPECT_FALSE(wire_.server_closed);
  Send(ClientFrame(2, std::string("\xff\x00", 2)));
  EXPECT_THAT(wire_.from_server, HasSubstr("\x03{\"metadata\":{},\"status\":\"Success\"}"));
  EXPECT_TRUE(wire_.server_closed);
}

TEST_F(RemoteCommandTest, AClientThatHangsUpEndsTheCommand) {
  Begin("input=1&output=1&command=cat", WebSocketUpgrade("v4.channel.k8s.io"));
  EXPECT_EQ(scope_.size(), 1U);
  wire_.client_closed = true;
  wire_.changed.Notify();
  sim_.Settle();
  EXPECT_EQ(scope_.size(), 0U);
}

TEST_F(RemoteCommandTest, RefusesWhatItCannotServe) {
  EXPECT_FALSE(ParseRemoteCommand("command=x", true).ok());
  EXPECT_FALSE(ParseRemoteCommand("output=1", true).ok());
  EXPECT_TRUE(ParseRemoteCommand("output=1", false).ok()) << "an attach has no command";
  auto start = [this](runtime::ExecOptions options) {
    return runtime_.Exec("uid", "c", std::move(options));
  };
  http::Request plain;
  EXPECT_FALSE(
      UpgradeToRemoteCommand(sim_.world(), plain, RemoteCommand{.command = {"x"}}, start).ok());
  http::Request unknown;
  unknown.headers = WebSocketUpgrade("chat");
  EXPECT_FALSE(
      UpgradeToRemoteCommand(sim_.world(), unknown, RemoteCommand{.command = {"x"}}, start).ok());
}

}  // namespace
}  // namespace wherry::nodeagent::streaming
