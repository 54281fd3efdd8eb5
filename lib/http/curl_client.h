#pragma once

#include "lib/http/message.h"
#include "lib/http/tls.h"
#include "lib/loop/loop.h"

#include <chrono>
#include <memory>
#include <string>

namespace wherry::http {

// A RoundTripper to one server over libcurl: keep-alive pool, TLS, bodies pulled with back
// pressure.
//
// Loop thread of a loop with file descriptors; the loop outlives it, and it outlives its requests
// and the streams it gave out. A request whose task is destroyed is aborted. Redirects are not
// followed. Fields that come after a body that is read whole follow the response's headers.
// Connection errors are kServiceUnavailable, timeouts kTimeout.
class CurlClient : public RoundTripper {
 public:
  struct Options {
    std::string base_url;  // "https://10.0.0.1:6443"; Request::target is appended
    TlsClientConfig tls;
    std::string bearer_token;
    std::chrono::milliseconds connect_timeout{std::chrono::seconds(10)};
    // Whole exchange, or for streamed bodies until the head has come; 0: none.
    std::chrono::milliseconds timeout{std::chrono::seconds(60)};
    // No byte of a body for so long is an error; 0: wait for ever, as a watch must.
    std::chrono::seconds stall_timeout{0};
    // TCP keep-alive notices a silent peer of a long stream after about this time.
    std::chrono::seconds keep_alive{30};
    // Kept for the next request; those in use have no limit, as each watch has one to itself.
    size_t idle_connections_max = 64;
    size_t body_bytes_max = 64 * 1024 * 1024;  // of a body that is read whole; more is an error
    // Read anew for each request when not empty (bound tokens are rotated).
    std::string bearer_token_file;
    bool proxy_from_environment = false;  // https_proxy and so on
    // Speaks HTTP/2 from the first byte, also without TLS, instead of HTTP/1.1. Every request has a
    // connection of its own: Debian 12's libcurl 7.88 fails on one that was idle ("Error in the
    // HTTP2 framing layer").
    bool http2_prior_knowledge = false;
  };
  CurlClient(Loop& loop, Options options);
  ~CurlClient() override;

  // A target that starts with "http://" or "https://" is used as it is.
  Task<Result<Response>> RoundTrip(Request request, bool stream_body) override;

  // For requests from now on, over connections of their own; those that run go on as they are.
  void SetTls(TlsClientConfig tls);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace wherry::http
