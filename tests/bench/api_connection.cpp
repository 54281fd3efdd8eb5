#include "tests/bench/api_connection.h"

#include "lib/base/check.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

namespace wherry::bench {
namespace {

constexpr size_t kReadBytes = 128 * 1024;

void Wait(int fd, short events) {
  pollfd wanted{.fd = fd, .events = events, .revents = 0};
  CHECK_THAT(poll(&wanted, 1, 60'000) > 0, "the server is silent for a minute");
}

// The value of a header in a head, "" when it is not there.
std::string_view Header(std::string_view head, std::string_view name) {
  size_t line = head.find("\r\n");
  while (line != std::string_view::npos) {
    line += 2;
    if (head.size() > line + name.size() && head[line + name.size()] == ':' &&
        strncasecmp(head.data() + line, name.data(), name.size()) == 0) {
      size_t from = line + name.size() + 1;
      while (from < head.size() && head[from] == ' ') ++from;
      return head.substr(from, head.find("\r\n", from) - from);
    }
    line = head.find("\r\n", line);
  }
  return {};
}

}  // namespace

TlsContext MakeTlsContext(const Server& server) {
  TlsContext context(SSL_CTX_new(TLS_client_method()));
  if (!server.ca_file.empty()) {
    CHECK(SSL_CTX_load_verify_locations(context.get(), server.ca_file.c_str(), nullptr) == 1);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  }
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_default_read_buffer_len(context.get(), kReadBytes);
  return context;
}

ApiConnection::ApiConnection(const Server& server, SSL_CTX* context)
    : server_(server), buffer_(kReadBytes) {
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.port);
  CHECK_THAT(inet_pton(AF_INET, server.address.c_str(), &address.sin_addr) == 1,
             "the server's address is not IPv4");
  CHECK_THAT(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0,
             "nobody listens there");
  const int one = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  ssl_ = SSL_new(context);
  SSL_set_fd(ssl_, fd_);
  CHECK_THAT(SSL_connect(ssl_) == 1, "TLS handshake");
  fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) | O_NONBLOCK);
}

ApiConnection::~ApiConnection() {
  SSL_free(ssl_);
  close(fd_);
}

void ApiConnection::Send(std::string_view method, std::string_view target, std::string_view body) {
  CHECK(state_ == State::kDone);
  std::string request;
  request.reserve(512 + body.size());
  request.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: ");
  request.append(server_.address).append("\r\nAccept: application/json\r\n");
  if (!server_.bearer_token.empty()) {
    request.append("Authorization: Bearer ").append(server_.bearer_token).append("\r\n");
  }
  if (!body.empty()) {
    request.append("Content-Type: application/json\r\nContent-Length: ");
    request.append(std::to_string(body.size())).append("\r\n");
  }
  request.append("\r\n").append(body);
  state_ = State::kHead;
  body_.clear();
  sent_at_ = Clock::now();
  size_t sent = 0;
  while (sent < request.size()) {
    const int count =
        SSL_write(ssl_, request.data() + sent, static_cast<int>(request.size() - sent));
    if (count > 0) {
      sent += static_cast<size_t>(count);
    } else {
      CHECK_THAT(SSL_get_error(ssl_, count) == SSL_ERROR_WANT_WRITE, "the server hung up");
      Wait(fd_, POLLOUT);
    }
  }
}

bool ApiConnection::Receive() {
  while (state_ != State::kDone) {
    const int count = SSL_read(ssl_, buffer_.data(), static_cast<int>(buffer_.size()));
    if (count <= 0) {
      CHECK_THAT(SSL_get_error(ssl_, count) == SSL_ERROR_WANT_READ, "the server hung up");
      return false;
    }
    input_ = std::string_view(buffer_.data(), static_cast<size_t>(count));
    if (!kept_.empty()) {
      kept_ += input_;
      input_ = kept_;
    }
    Parse();
    kept_ = std::string(input_);
  }
  return true;
}

void ApiConnection::Ask(std::string_view method, std::string_view target, std::string_view body) {
  Send(method, target, body);
  while (!Receive()) Wait(fd_, POLLIN);
}

bool ApiConnection::TakeHead() {
  const size_t end = input_.find("\r\n\r\n");
  if (end == std::string_view::npos) return false;
  const std::string_view head = input_.substr(0, end + 2);
  CHECK_THAT(head.size() > 12 && head.starts_with("HTTP/1.1 "), "this is not HTTP/1.1");
  std::from_chars(head.data() + 9, head.data() + 12, status_);
  const std::string_view length = Header(head, "Content-Length");
  body_left_ = 0;
  if (!length.empty()) {
    std::from_chars(length.data(), length.data() + length.size(), body_left_);
    state_ = body_left_ == 0 ? State::kDone : State::kLength;
  } else {
    CHECK_THAT(Header(head, "Transfer-Encoding") == "chunked", "the body's end is not told");
    state_ = State::kChunkSize;
  }
  input_.remove_prefix(end + 4);
  return true;
}

bool ApiConnection::TakeChunkSize() {
  const size_t end = input_.find("\r\n");
  if (end == std::string_view::npos) return false;
  std::from_chars(input_.data(), input_.data() + end, body_left_, 16);
  input_.remove_prefix(end + 2);
  state_ = body_left_ == 0 ? State::kTrailer : State::kChunk;
  return true;
}

void ApiConnection::Parse() {
  bool more = true;
  while (more && state_ != State::kDone) {
    if (state_ == State::kHead) {
      more = TakeHead();
    } else if (state_ == State::kChunkSize) {
      more = TakeChunkSize();
    } else if (state_ == State::kChunkEnd || state_ == State::kTrailer) {
      more = input_.size() >= 2;
      if (more) input_.remove_prefix(2);
      if (more) state_ = state_ == State::kTrailer ? State::kDone : State::kChunkSize;
    } else {
      const size_t count = std::min(body_left_, input_.size());
      body_.append(input_.substr(0, count));
      input_.remove_prefix(count);
      body_left_ -= count;
      more = body_left_ == 0;
      if (more) state_ = state_ == State::kChunk ? State::kChunkEnd : State::kDone;
    }
  }
}

}  // namespace wherry::bench
