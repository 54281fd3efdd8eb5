#include "lib/http/server.h"

#include "tests/unit/lib/http/http_fixture.h"

namespace wherry::http {
namespace {

using std::chrono::milliseconds;

class ServerTest : public HttpTest {
 protected:
  ServerTest() {
    handler_.handle = [this](Request request) -> Task<Response> {
      ++requests_;
      std::string text = request.method + " " + request.target + " " + request.body;
      last_ = std::move(request);
      co_return TextResponse(std::move(text));
    };
  }
  // What a raw client hears in answer to `bytes` until the server ends the connection.
  std::string Exchange(const std::string& bytes) {
    std::string answer;
    Run([](Loop& loop, uint16_t port, std::string to_send, std::string* out) -> Task<void> {
      RawClient client(loop, port);
      auto sending = client.Send(std::move(to_send));
      co_await std::move(sending);
      auto reading = client.ReadToEnd();
      *out = co_await std::move(reading);
    }(loop_, port_, bytes, &answer));
    return answer;
  }

  int requests_ = 0;
  Request last_;
};

constexpr const char* kClose = "Host: a\r\nConnection: close\r\n\r\n";

TEST_F(ServerTest, AnswersWithLengthAndDate) {
  StartPlain();
  const std::string answer = Exchange(std::string("GET /x?y=1 HTTP/1.1\r\n") + kClose);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: "))
      << answer;
  EXPECT_NE(answer.find("\r\nContent-Length: 11\r\nConnection: close\r\n\r\nGET /x?y=1 "),
            std::string::npos)
      << answer;
  EXPECT_TRUE(last_.peer_address.starts_with("127.0.0.1:"));
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
  StartPlain();
  const std::string answer =
      Exchange(std::string("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
                           "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
                           "\r\nGET /3 HTTP/1.1\r\n") +
               kClose);
  const size_t first = answer.find("GET /1 ");
  const size_t second = answer.find("POST /2 abc");
  const size_t third = answer.find("GET /3 ");
  EXPECT_TRUE(first < second && second < third && third != std::string::npos) << answer;
  EXPECT_EQ(requests_, 3);
}

TEST_F(ServerTest, HeadHasLengthAndNoBody) {
  StartPlain();
  const std::string answer = Exchange(std::string("HEAD /x HTTP/1.1\r\n") + kClose);
  EXPECT_NE(answer.find("Content-Length: 8\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(ServerTest, OversizeBodyIsRefusedByTheCallersFormatter) {
  ServerOptions options;
  options.body_bytes_max = 10;
  options.format_error = [](int http_status, const Error& error) {
    Response response = TextResponse("{\"code\":" + std::to_string(http_status) + "}");
    EXPECT_EQ(error.reason, Reason::kRequestEntityTooLarge);
    response.status = http_status;
    return response;
  };
  StartPlain(std::move(options));
  const std::string announced =
      Exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n12345678901");
  EXPECT_TRUE(announced.starts_with("HTTP/1.1 413 Request Entity Too Large\r\n")) << announced;
  EXPECT_TRUE(announced.ends_with("{\"code\":413}")) << announced;
  // A big body is drained, so that the client is not reset before it has read the answer.
  const std::string chunked =
      Exchange("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n" +
               std::string(0x100000, 'x'));
  EXPECT_TRUE(chunked.starts_with("HTTP/1.1 413 ")) << chunked;
  EXPECT_EQ(requests_, 0);
}

// Who reads only once everything is written must be able to read the answer still.
TEST_F(ServerTest, HugeBodyIsDrainedSoThatItsSenderReadsTheAnswer) {
  handler_.refuse = [](Request& request) -> std::optional<Response> {
    if (request.target != "/refused") return std::nullopt;
    Response response = TextResponse("who are you?");
    response.status = 401;
    return response;
  };
  ServerOptions options;
  options.body_bytes_max = 50'000'000;
  StartPlain(std::move(options));
  const auto post = [this](const std::string& target, size_t bytes) {
    std::string answer;
    Run([](Loop& loop, uint16_t port, std::string request,
           std::string* out) -> Task<void> {
      RawClient client(loop, port);
      auto sending = client.Send(std::move(request));
      const bool sent = co_await std::move(sending);
      EXPECT_TRUE(sent) << "the connection went while the client still wrote";
      auto reading = client.ReadToEnd();
      *out = co_await std::move(reading);
    }(loop_, port_,
                             "POST " + target + " HTTP/1.1\r\nHost: a\r\nContent-Length: " +
                                 std::to_string(bytes) + "\r\n\r\n" + std::string(bytes, 'x'),
                             &answer));
    return answer;
  };
  EXPECT_TRUE(post("/", 60'000'000).starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(post("/refused", 50'000'000).starts_with("HTTP/1.1 401 "));
  EXPECT_EQ(requests_, 0);
}

TEST_F(ServerTest, MalformedRequestsGet400AndNeverReachTheHandler) {
  StartPlain();
  for (const char* bytes :
       {"nonsense\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"}) {
    EXPECT_TRUE(Exchange(bytes).starts_with("HTTP/1.1 400 Bad Request\r\n")) << bytes;
  }
  EXPECT_EQ(requests_, 0);
}

TEST_F(ServerTest, ExpectContinueIsAnsweredBeforeTheBody) {
  StartPlain();
  std::string answer;
  Run([](Loop& loop, uint16_t port, std::string* out) -> Task<void> {
    RawClient client(loop, port);
    auto head = client.Send(
        "POST /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\n"
        "Content-Length: 4\r\n\r\n");
    co_await std::move(head);
    auto waiting = client.ReadUntil("HTTP/1.1 100 Continue\r\n\r\n");
    const std::string interim = co_await std::move(waiting);
    EXPECT_EQ(interim, "HTTP/1.1 100 Continue\r\n\r\n");
    auto body = client.Send("body");
    co_await std::move(body);
    auto reading = client.ReadToEnd();
    *out = co_await std::move(reading);
  }(loop_, port_, &answer));
  EXPECT_TRUE(answer.ends_with("POST /big body")) << answer;
}

// Nobody has to be sent, or kept, the body of a request that its head already forbids.
TEST_F(ServerTest, RefusesAtTheHead) {
  StartPlain();
  size_t body_bytes = 0;
  handler_.refuse = [&body_bytes](Request& request) -> std::optional<Response> {
    EXPECT_TRUE(request.peer_address.starts_with("127.0.0.1:"));
    body_bytes += request.body.size();
    if (request.headers.Has("Authorization")) {
      request.verified_user = UserInfo{.name = "somebody"};
      return std::nullopt;
    }
    Response response = TextResponse("who are you?");
    response.status = 401;
    return response;
  };
  const std::string head = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n";
  for (const std::string& rest : {std::string("\r\n"), std::string("Expect: 100-continue\r\n\r\n"),
                                  "\r\n" + std::string(2'000'000, 'x')}) {
    const std::string answer = Exchange(head + rest);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 401 ")) << answer;
    EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos) << answer;
    EXPECT_TRUE(answer.ends_with("who are you?")) << answer;
  }
  EXPECT_EQ(requests_, 0);
  EXPECT_LE(body_bytes, 64U * 1024) << "what the first read happened to bring";
  // What comes whole is handled at once, by a handler that sees to it itself.
  EXPECT_TRUE(Exchange(std::string("GET /y HTTP/1.1\r\n") + kClose).starts_with("HTTP/1.1 200 "));
  EXPECT_FALSE(last_.verified_user.has_value());
  Run([](Loop& loop, uint16_t port) -> Task<void> {
    RawClient client(loop, port);
    auto start = client.Send(
        "POST /z HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\nContent-Length: 4\r\n"
        "Expect: 100-continue\r\n\r\n");
    co_await std::move(start);
    auto waiting = client.ReadUntil("100 Continue");
    co_await std::move(waiting);
    auto body = client.Send("body");
    co_await std::move(body);
    auto reading = client.ReadUntil("POST /z body");
    const std::string answer = co_await std::move(reading);
    EXPECT_NE(answer.find("POST /z body"), std::string::npos) << answer;
  }(loop_, port_));
  ASSERT_TRUE(last_.verified_user.has_value());
  EXPECT_EQ(last_.verified_user->name, "somebody");
}

// Bodies that take more than one read have a limit together; what comes at once is handled at once.
TEST_F(ServerTest, BodiesTogetherAreBounded) {
  ServerOptions options;
  options.bodies_bytes_max = 300'000;
  StartPlain(std::move(options));
  Run([](Loop& loop, uint16_t port) -> Task<void> {
    auto post = [&loop, port](size_t bytes) -> Task<std::string> {
      RawClient client(loop, port);
      auto head =
          client.Send("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: " +
                      std::to_string(bytes) + "\r\nExpect: 100-continue\r\n\r\n");
      co_await std::move(head);
      auto waiting = client.ReadUntil("\r\n\r\n");
      const std::string interim = co_await std::move(waiting);
      auto body = client.Send(std::string(bytes, 'x'));
      co_await std::move(body);
      auto reading = client.ReadToEnd();
      const std::string answer = co_await std::move(reading);
      co_return answer.substr(answer.find("\r\n\r\n") + 4);
    };
    RawClient slow(loop, port);
    auto slow_start = slow.Send("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 250001\r\n\r\n" +
                                std::string(250'000, 'x'));
    co_await std::move(slow_start);
    std::string answer;
    do {  // until the server has read all of the slow one
      auto posting = post(200'000);
      answer = co_await std::move(posting);
    } while (answer.starts_with("HTTP/1.1 200 "));
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 429 ")) << answer;
    EXPECT_NE(answer.find("Retry-After: 1\r\n"), std::string::npos) << answer;
    auto small = post(10);
    answer = co_await std::move(small);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
    auto slow_end = slow.Send("x");
    co_await std::move(slow_end);
    auto slow_reading = slow.ReadUntil("POST /slow x");
    answer = co_await std::move(slow_reading);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
    auto again = post(200'000);
    answer = co_await std::move(again);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << "given back: " << answer;
    {
      RawClient broken(loop, port);
      auto start = broken.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 299999\r\n\r\n" +
                               std::string(290'000, 'x'));
      co_await std::move(start);
      co_await SleepFor(loop, milliseconds(20));
    }
    do {
      auto posting = post(200'000);
      answer = co_await std::move(posting);
    } while (answer.starts_with("HTTP/1.1 429 "));
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << "given back: " << answer;
  }(loop_, port_));
}

TEST_F(ServerTest, SlowAndSilentPeersLoseTheirConnection) {
  ServerOptions options;
  options.head_timeout = milliseconds(40);
  options.idle_timeout = milliseconds(40);
  StartPlain(std::move(options));
  EXPECT_TRUE(Exchange("GET / HTTP/1.1\r\nHos").starts_with("HTTP/1.1 408 Request Timeout\r\n"));
  EXPECT_EQ(Exchange(""), "");
}

// Nobody holds a connection for minutes without a single request.
TEST_F(ServerTest, TheFirstRequestComesSoon) {
  ServerOptions options;
  options.head_timeout = milliseconds(40);
  StartPlain(std::move(options));
  EXPECT_EQ(Exchange(""), "");
}

// shutdown(2) after the last request: the answers come nevertheless.
TEST_F(ServerTest, HalfClosedPeersGetTheirResponses) {
  StartPlain();
  handler_.handle = [this](Request request) -> Task<Response> {
    co_await SleepFor(loop_, milliseconds(30));
    co_return TextResponse("answer to " + request.target);
  };
  Run([](Loop& loop, uint16_t port) -> Task<void> {
    RawClient client(loop, port);
    auto sending =
        client.Send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    co_await std::move(sending);
    client.EndWriting();
    auto reading = client.ReadToEnd();
    const std::string answer = co_await std::move(reading);
    EXPECT_NE(answer.find("answer to /1"), std::string::npos) << answer;
    EXPECT_NE(answer.find("answer to /2"), std::string::npos) << answer;
  }(loop_, port_));
}

TEST_F(ServerTest, FieldsWithLineBreaksAreNotSent) {
  StartPlain();
  handler_.handle = [](Request) -> Task<Response> {
    Response response = TextResponse("x");
    response.headers.Set("X-Evil", "a\r\nSet-Cookie: b");
    co_return response;
  };
  const std::string answer = Exchange(std::string("GET / HTTP/1.1\r\n") + kClose);
  EXPECT_EQ(answer.find("Set-Cookie"), std::string::npos) << answer;
}

TEST_F(ServerTest, IdleConnectionsMakeRoom) {
  ServerOptions options;
  options.connections_max = 2;
  StartPlain(std::move(options));
  Run([](Loop& loop, uint16_t port) -> Task<void> {
    RawClient used(loop, port);
    auto sending = used.Send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    co_await std::move(sending);
    auto reading = used.ReadUntil("GET /1 ");
    std::string answer = co_await std::move(reading);
    RawClient silent(loop, port);
    co_await SleepFor(loop, milliseconds(10));
    RawClient third(loop, port);
    auto refused = silent.ReadToEnd();
    const std::string nothing = co_await std::move(refused);
    EXPECT_EQ(nothing, "") << "it never asked anything: it goes first";
    auto asking = third.Send("GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
    co_await std::move(asking);
    auto hearing = third.ReadUntil("GET /3 ");
    answer = co_await std::move(hearing);
    EXPECT_NE(answer.find("GET /3 "), std::string::npos);
    auto again = used.Send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    co_await std::move(again);
    auto still = used.ReadUntil("GET /2 ");
    answer = co_await std::move(still);
    EXPECT_NE(answer.find("GET /2 "), std::string::npos);
  }(loop_, port_));
}

TEST_F(ServerTest, ConnectionsAboveTheLimitAreClosed) {
  ServerOptions options;
  options.connections_max = 1;
  StartPlain(std::move(options));
  handler_.handle = [this](Request) -> Task<Response> {
    ++requests_;
    co_await SleepFor(loop_, std::chrono::hours(1));
    co_return Response();
  };
  Run([](Loop& loop, uint16_t port) -> Task<void> {
    RawClient first(loop, port);
    auto sending = first.Send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    co_await std::move(sending);
    co_await SleepFor(loop, milliseconds(10));
    RawClient second(loop, port);
    auto refused = second.ReadToEnd();
    const std::string nothing = co_await std::move(refused);
    EXPECT_EQ(nothing, "");
  }(loop_, port_));
  EXPECT_EQ(requests_, 1);
}

// It might have ended only its own side: that is known a while later.
TEST_F(ServerTest, ATaskEndsWhenItsPeerGoesAway) {
  ServerOptions options;
  options.write_timeout = milliseconds(50);
  StartPlain(std::move(options));
  bool cancelled = false;
  struct OnDestroy {
    bool* flag;
    ~OnDestroy() { *flag = true; }
  };
  handler_.handle = [this, &cancelled](Request) -> Task<Response> {
    const OnDestroy on_destroy{&cancelled};
    co_await SleepFor(loop_, std::chrono::hours(1));
    co_return Response();
  };
  Run([](Loop& loop, uint16_t port, bool* flag) -> Task<void> {
    {
      RawClient client(loop, port);
      auto sending = client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      co_await std::move(sending);
      co_await SleepFor(loop, milliseconds(20));
      EXPECT_FALSE(*flag);
    }
    while (!*flag) co_await SleepFor(loop, milliseconds(1));
  }(loop_, port_, &cancelled));
  EXPECT_TRUE(cancelled);
}

TEST_F(ServerTest, DrainLetsTheRunningRequestEnd) {
  StartPlain();
  handler_.handle = [this](Request) -> Task<Response> {
    co_await SleepFor(loop_, milliseconds(50));
    co_return TextResponse("finished");
  };
  Run([](Loop& loop, uint16_t port, Server* server) -> Task<void> {
    RawClient idle(loop, port);
    RawClient busy(loop, port);
    auto sending = busy.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    co_await std::move(sending);
    while (server->connections() < 2) co_await SleepFor(loop, milliseconds(1));
    co_await SleepFor(loop, milliseconds(5));
    auto draining = server->Drain(std::chrono::seconds(5));
    co_await std::move(draining);
    EXPECT_EQ(server->connections(), 0U);
    auto reading = busy.ReadToEnd();
    const std::string answer = co_await std::move(reading);
    EXPECT_TRUE(answer.ends_with("finished")) << answer;
    EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos) << answer;
    auto idling = idle.ReadToEnd();
    const std::string nothing = co_await std::move(idling);
    EXPECT_EQ(nothing, "");
  }(loop_, port_, server_.get()));
}

TEST_F(ServerTest, DrainClosesStreamsWhenItsGraceIsOver) {
  StartPlain();
  handler_.handle = [this](Request) -> Task<Response> {
    co_await SleepFor(loop_, std::chrono::hours(1));
    co_return Response();
  };
  Run([](Loop& loop, uint16_t port, Server* server) -> Task<void> {
    RawClient busy(loop, port);
    auto sending = busy.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    co_await std::move(sending);
    while (server->connections() < 1) co_await SleepFor(loop, milliseconds(1));
    co_await SleepFor(loop, milliseconds(5));
    auto draining = server->Drain(milliseconds(30));
    co_await std::move(draining);
    EXPECT_EQ(server->connections(), 0U);
  }(loop_, port_, server_.get()));
}

TEST_F(ServerTest, BadAddressesAndCertificatesAreErrors) {
  StartPlain();
  EXPECT_EQ(server_->Listen("localhost", 0).error().reason, Reason::kBadRequest);
  EXPECT_EQ(server_->Listen("127.0.0.1", 0, TlsServerConfig{"x", "y", ""}).error().reason,
            Reason::kBadRequest);
  EXPECT_FALSE(server_->Listen("127.0.0.1", port_).ok());
}

}  // namespace
}  // namespace wherry::http
