#include "lib/linux/fd.h"
#include "tests/unit/lib/http/http_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>

namespace wherry::http {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// One HTTP/2 frame. Source: RFC 9113 section 4.1.
std::string Frame(uint8_t type, uint8_t flags, uint8_t stream, const std::string& payload) {
  std::string frame(2, '\0');
  frame += static_cast<char>(payload.size());
  frame += static_cast<char>(type);
  frame += static_cast<char>(flags);
  frame += std::string(3, '\0');
  frame += static_cast<char>(stream);
  return frame + payload;
}

// A field for HPACK that needs no table.
std::string Literal(const std::string& name, const std::string& value) {
  std::string field(1, '\0');
  field += static_cast<char>(name.size());
  field += name;
  field += static_cast<char>(value.size());
  return field + value;
}

class CurlHttp2Test : public HttpTest {
 protected:
  CurlHttp2Test() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = static_cast<sockaddr*>(static_cast<void*>(&address));
    EXPECT_EQ(::bind(listener_.get(), generic, size), 0);
    EXPECT_EQ(::listen(listener_.get(), 1), 0);
    EXPECT_EQ(::getsockname(listener_.get(), generic, &size), 0);
    listening_port_ = ntohs(address.sin_port);
  }

  // Takes connections one by one: reads until `body` has come, and answers on stream 1.
  Task<void> Serve(std::string body) {
    while (true) co_await ServeOne(body);
  }

  Task<void> ServeOne(std::string body) {
    received_.clear();
    co_await FdReady(loop_, listener_.get(), Loop::FdEvent::kReadable);
    const linux::Fd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ++connections_;
    std::array<char, 4096> buffer{};
    while (received_.find(body) == std::string::npos) {
      co_await FdReady(loop_, peer.get(), Loop::FdEvent::kReadable);
      const ssize_t count = ::read(peer.get(), buffer.data(), buffer.size());
      if (count <= 0) co_return;
      received_.append(buffer.data(), static_cast<size_t>(count));
    }
    first_bytes_ = received_;
    constexpr uint8_t kEndHeaders = 4;
    constexpr uint8_t kEndStream = 1;
    const std::string answer =
        Frame(4, 0, 0, "") + Frame(4, 1, 0, "") +
        Frame(1, kEndHeaders, 1, "\x88" + Literal("content-type", "application/grpc")) +
        Frame(0, 0, 1, "pong") + Frame(1, kEndHeaders | kEndStream, 1, Literal("grpc-status", "0"));
    EXPECT_EQ(::write(peer.get(), answer.data(), answer.size()),
              static_cast<ssize_t>(answer.size()));
    // Until the client hangs up; another request on this connection is never answered.
    do co_await FdReady(loop_, peer.get(), Loop::FdEvent::kReadable);
    while (::read(peer.get(), buffer.data(), buffer.size()) > 0);
  }

  linux::Fd listener_;
  uint16_t listening_port_ = 0;
  std::string received_;
  std::string first_bytes_;
  int connections_ = 0;
};

// What gRPC servers without TLS expect; their verdict comes behind the body.
TEST_F(CurlHttp2Test, SpeaksHttp2AtOnceAndKeepsTrailers) {
  std::optional<Result<Response>> answer;
  TaskScope scope(loop_);
  scope.Spawn("server", Serve("ping"));
  Run([](Loop& loop, uint16_t port, std::optional<Result<Response>>* out) -> Task<void> {
    CurlClient::Options options;
    options.http2_prior_knowledge = true;
    CurlClient client(loop, options);
    for (int i = 0; i < 2; ++i) {
      Request request;
      request.method = "POST";
      request.target = "http://127.0.0.1:" + std::to_string(port) + "/service/Method";
      request.headers.Set("TE", "trailers");
      request.body = "ping";
      auto asking = client.RoundTrip(std::move(request), false);
      out->emplace(co_await std::move(asking));
    }
  }(loop_, listening_port_, &answer));
  ASSERT_TRUE(answer.has_value());
  ASSERT_TRUE(answer->ok()) << answer->error().message;
  EXPECT_TRUE(first_bytes_.starts_with(kPreface));
  EXPECT_EQ(connections_, 2);
  EXPECT_EQ((*answer)->status, 200);
  EXPECT_EQ((*answer)->body, "pong");
  EXPECT_EQ((*answer)->headers.Get("Content-Type"), "application/grpc");
  EXPECT_EQ((*answer)->headers.Get("grpc-status"), "0");
}

}  // namespace
}  // namespace wherry::http
