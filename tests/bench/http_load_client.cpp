#include "tests/bench/http_load_client.h"

#include "lib/base/check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <string_view>

namespace wherry::bench {
namespace {

using Clock = std::chrono::steady_clock;

// A blocking connect and handshake, then epoll decides when to read. Requests are small enough that
// writing them does not block.
class LoadConnection {
 public:
  LoadConnection(const LoadOptions& options, SSL_CTX* context) : options_(options) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options.port);
    inet_pton(AF_INET, options.address.c_str(), &address.sin_addr);
    CHECK(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    const int one = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (options.tls) {
      ssl_ = SSL_new(context);
      SSL_set_fd(ssl_, fd_);
      CHECK(SSL_connect(ssl_) == 1);
    }
    request_ = "GET " + options.target + " HTTP/1.1\r\nHost: bench\r\nAccept: */*\r\n";
    if (!options.bearer_token.empty()) {
      request_ += "Authorization: Bearer " + options.bearer_token + "\r\n";
    }
    request_ += "\r\n";
  }
  ~LoadConnection() {
    SSL_free(ssl_);
    close(fd_);
  }
  LoadConnection(const LoadConnection&) = delete;
  LoadConnection& operator=(const LoadConnection&) = delete;

  int fd() const { return fd_; }

  void SendRequest() {
    received_.clear();
    started_ = Clock::now();
    const auto size = static_cast<int>(request_.size());
    const ssize_t sent = ssl_ != nullptr ? SSL_write(ssl_, request_.data(), size)
                                         : send(fd_, request_.data(), request_.size(), 0);
    CHECK(sent == size);
  }

  // Reads what is there; true when the response is whole.
  bool Receive() {
    std::array<char, 32 * 1024> buffer;
    do {
      const ssize_t count = ssl_ != nullptr
                                ? SSL_read(ssl_, buffer.data(), static_cast<int>(buffer.size()))
                                : recv(fd_, buffer.data(), buffer.size(), 0);
      CHECK_THAT(count > 0, "the server hung up");
      received_.append(buffer.data(), static_cast<size_t>(count));
    } while (ssl_ != nullptr && SSL_pending(ssl_) > 0);
    const size_t head_end = received_.find("\r\n\r\n");
    if (head_end == std::string::npos) return false;
    constexpr std::string_view kLength = "Content-Length: ";
    const size_t length = received_.find(kLength);
    CHECK(length < head_end);
    size_t body_bytes = 0;
    std::from_chars(received_.data() + length + kLength.size(), received_.data() + head_end,
                    body_bytes);
    if (received_.size() < head_end + 4 + body_bytes) return false;
    right_ = received_.starts_with("HTTP/1.1 200 ") &&
             (options_.expected_body_bytes == 0 || body_bytes == options_.expected_body_bytes);
    return true;
  }
  bool right() const { return right_; }
  std::chrono::nanoseconds elapsed() const { return Clock::now() - started_; }

 private:
  const LoadOptions& options_;
  int fd_ = -1;
  SSL* ssl_ = nullptr;
  std::string request_;
  std::string received_;
  bool right_ = false;
  Clock::time_point started_;
};

}  // namespace

double LoadResult::PerSecond() const {
  return static_cast<double>(responses) / std::chrono::duration<double>(elapsed).count();
}

std::chrono::nanoseconds LoadResult::Percentile(double p) const {
  if (latencies.empty()) return {};
  const auto index = static_cast<size_t>(p / 100 * static_cast<double>(latencies.size() - 1));
  return latencies[index];
}

LoadResult RunLoad(const LoadOptions& options) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  std::vector<std::unique_ptr<LoadConnection>> connections;
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  for (size_t i = 0; i < options.connections; ++i) {
    connections.push_back(std::make_unique<LoadConnection>(options, context));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = connections.back().get();
    epoll_ctl(epoll, EPOLL_CTL_ADD, connections.back()->fd(), &event);
  }
  LoadResult result;
  const Clock::time_point start = Clock::now();
  const Clock::time_point end = start + options.duration;
  for (const auto& connection : connections) connection->SendRequest();
  std::array<epoll_event, 64> events;
  while (Clock::now() < end) {
    const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 100);
    for (int i = 0; i < count; ++i) {
      auto& connection = *static_cast<LoadConnection*>(events[static_cast<size_t>(i)].data.ptr);
      if (!connection.Receive()) continue;
      ++result.responses;
      if (!connection.right()) ++result.wrong;
      result.latencies.push_back(connection.elapsed());
      connection.SendRequest();
    }
  }
  result.elapsed = Clock::now() - start;
  std::sort(result.latencies.begin(), result.latencies.end());
  connections.clear();
  close(epoll);
  SSL_CTX_free(context);
  return result;
}

}  // namespace wherry::bench
