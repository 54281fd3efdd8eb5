#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::bench {

// Where a Kubernetes API is and who asks.
struct Server {
  std::string address;
  uint16_t port = 0;
  std::string bearer_token;
  std::string ca_file;  // "" leaves the server's certificate unchecked
};

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using TlsContext = std::unique_ptr<SSL_CTX, FreeContext>;
TlsContext MakeTlsContext(const Server& server);

// A keep-alive connection with at most one request in flight (HTTP/1.1, RFC 9112). It keeps the
// body's bytes and looks at nothing else, so that the client's share of two cores stays small. Ends
// the process with a message when the server breaks off.
class ApiConnection {
 public:
  using Clock = std::chrono::steady_clock;

  ApiConnection(const Server& server, SSL_CTX* context);
  ~ApiConnection();
  ApiConnection(const ApiConnection&) = delete;
  ApiConnection& operator=(const ApiConnection&) = delete;

  int fd() const { return fd_; }

  void Send(std::string_view method, std::string_view target, std::string_view body = {});
  // Takes what has arrived; true when the response is whole.
  bool Receive();
  // Send and wait.
  void Ask(std::string_view method, std::string_view target, std::string_view body = {});

  int status() const { return status_; }
  // What there is of the body; a watch takes whole lines from its front.
  std::string& body() { return body_; }
  Clock::time_point sent_at() const { return sent_at_; }

 private:
  enum class State { kHead, kLength, kChunkSize, kChunk, kChunkEnd, kTrailer, kDone };

  bool TakeHead();
  bool TakeChunkSize();
  // Takes what it can from the front of `input_`.
  void Parse();

  const Server& server_;
  int fd_ = -1;
  SSL* ssl_ = nullptr;
  Clock::time_point sent_at_{};
  State state_ = State::kDone;
  std::vector<char> buffer_;  // one read goes here
  std::string_view input_;    // received and not parsed: in buffer_ or in kept_
  std::string kept_;          // a line that has not arrived whole
  size_t body_left_ = 0;      // of the body or of the chunk
  int status_ = 0;
  std::string body_;
};

}  // namespace wherry::bench
