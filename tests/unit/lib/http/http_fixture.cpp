#include "tests/unit/lib/http/http_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace wherry::http {

RawClient::RawClient(Loop& loop, uint16_t port)
    : loop_(loop), fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // The kernel completes the handshake for a listening socket, so this does not wait for the loop.
  CHECK(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
}

RawClient::~RawClient() { Close(); }

void RawClient::EndWriting() { shutdown(fd_, SHUT_WR); }

void RawClient::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

Task<bool> RawClient::Send(std::string bytes) {
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const ssize_t count = send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) {
      rest.remove_prefix(static_cast<size_t>(count));
    } else if (errno == EAGAIN) {
      co_await FdReady(loop_, fd_, Loop::FdEvent::kWritable);
    } else {
      co_return false;
    }
  }
  co_return true;
}

Task<bool> RawClient::ReadSome() {
  co_await FdReady(loop_, fd_, Loop::FdEvent::kReadable);
  std::array<char, 4096> buffer;
  const ssize_t count = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count <= 0) co_return false;
  received_.append(buffer.data(), static_cast<size_t>(count));
  co_return true;
}

Task<std::string> RawClient::ReadUntil(std::string text) {
  while (received_.find(text) == std::string::npos) {
    auto reading = ReadSome();
    if (!co_await std::move(reading)) break;
  }
  co_return received_;
}

Task<std::string> RawClient::ReadToEnd() {
  while (true) {
    auto reading = ReadSome();
    if (!co_await std::move(reading)) co_return received_;
  }
}

HttpTest::HttpTest() {
  auto ca = MakeCertificateAuthority("test-ca", now_, std::chrono::hours(1));
  CHECK_OK(ca);
  ca_ = *ca;
}

void HttpTest::Run(Task<void> task) {
  bool done = false;
  TaskScope scope(loop_);
  const auto run = [](Task<void> inner, bool* finished, Loop* loop) -> Task<void> {
    co_await std::move(inner);
    *finished = true;
    loop->Stop();
  };
  scope.Spawn("test", run(std::move(task), &done, &loop_));
  const auto timer =
      loop_.RunAt(loop_.MonotonicNow() + std::chrono::seconds(10), [this] { loop_.Stop(); });
  loop_.Run();
  loop_.CancelTimer(timer);
  EXPECT_TRUE(done) << "the test hung";
}

void HttpTest::StartPlain(ServerOptions options) {
  server_ = std::make_unique<Server>(loop_, handler_, std::move(options));
  auto port = server_->Listen("127.0.0.1", 0);
  CHECK_OK(port);
  port_ = *port;
}

void HttpTest::StartTls(ServerOptions options) {
  CertificateRequest request;
  request.subject.common_name = "server";
  request.dns_names = {"wherry.test"};
  request.ip_addresses = {"127.0.0.1"};
  request.server = true;
  auto leaf = IssueCertificate(ca_, request, now_);
  CHECK_OK(leaf);
  server_ = std::make_unique<Server>(loop_, handler_, std::move(options));
  auto port = server_->Listen(
      "127.0.0.1", 0, TlsServerConfig{leaf->certificate_pem, leaf->key_pem, ca_.certificate_pem});
  CHECK_OK(port);
  port_ = *port;
  tls_ = true;
}

CurlClient::Options HttpTest::ClientOptions() const {
  CurlClient::Options options;
  options.base_url = (tls_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_);
  options.tls.ca_pem = tls_ ? ca_.certificate_pem : "";
  return options;
}

CertifiedKey HttpTest::IssueClient(const CertifiedKey& ca, const std::string& name) const {
  CertificateRequest request;
  request.subject.common_name = name;
  request.subject.organizations = {"system:masters"};
  request.client = true;
  auto issued = IssueCertificate(ca, request, now_);
  CHECK_OK(issued);
  return *issued;
}

Response TextResponse(std::string body) {
  Response response;
  response.headers.Set("Content-Type", "text/plain");
  response.body = std::move(body);
  return response;
}

Request Get(std::string target) {
  Request request;
  request.target = std::move(target);
  return request;
}

}  // namespace wherry::http
