#pragma once

#include "lib/base/result.h"
#include "lib/http/message.h"
#include "lib/http/tls.h"
#include "lib/loop/loop.h"
#include "lib/loop/task.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace wherry::http {

struct ServerOptions {
  size_t body_bytes_max = 3 * 1024 * 1024;  // larger requests get 413
  // Of all requests together: one whose body takes more than a read gets 429 when
  // there would be more, and is to be tried again.
  size_t bodies_bytes_max = 256 * 1024 * 1024;
  size_t head_bytes_max = 64 * 1024;  // request line and fields; more gets 431
  // For further ones those go that are asked nothing: first those that never were, then the longest
  // idle. Only when all are busy a further one is closed at once.
  size_t connections_max = 20'000;

  // A peer that is slower loses its connection.
  std::chrono::milliseconds handshake_timeout{std::chrono::seconds(10)};
  // From the first byte, of the first request from the handshake, to the end of the head.
  std::chrono::milliseconds head_timeout{std::chrono::seconds(15)};
  std::chrono::milliseconds body_timeout{std::chrono::seconds(60)};   // end of head to end of body
  std::chrono::milliseconds write_timeout{std::chrono::seconds(60)};  // no byte taken for so long
  std::chrono::milliseconds idle_timeout{std::chrono::seconds(180)};  // between requests

  // Writes the responses that the server makes itself (400, 408, 413, 429, 431), e.g. as
  // metav1.Status. Empty: plain text.
  std::function<Response(int http_status, const Error& error)> format_error;
};

// An HTTP/1.1 server (RFC 9112) over TLS or plain TCP: keep-alive, pipelining, chunked streaming
// with back pressure, upgrades.
//
// Runs on the loop's thread (a loop with an asio context). The handler is called once per request,
// requests of one connection one after the other; its task is destroyed when the connection breaks
// before the end of the response, or some time after the peer has ended its side (until then it may
// be waiting for the response). Handler and loop outlive the server. Destroying the server closes
// everything at once.
class Server {
 public:
  Server(Loop& loop, Handler& handler, ServerOptions options = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Listens on `host` (an IP address) and `port` (0: the kernel chooses) and says which port it is.
  // Plain TCP without `tls`. May be called more than once. Errors: kBadRequest for an address that
  // does not parse or certificates that do not load, kInternalError + errno from the kernel.
  Result<uint16_t> Listen(const std::string& host, uint16_t port,
                          std::optional<TlsServerConfig> tls = std::nullopt);

  // What every TLS listener shows from now on; connections that are there keep what they have.
  // Errors: kBadRequest for certificates that do not load, and nothing has changed.
  Status SetTls(const TlsServerConfig& tls);

  // Stops listening, closes idle connections, lets running requests end; streams and upgraded
  // connections too, until `grace` has passed, then closes what is left.
  Task<void> Drain(std::chrono::milliseconds grace);

  size_t connections() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace wherry::http
