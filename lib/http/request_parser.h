#pragma once

#include "lib/base/result.h"
#include "lib/http/message.h"

#include <cstddef>
#include <memory>
#include <string_view>

namespace wherry::http {

// Reads one HTTP/1.x request (RFC 9112) from bytes as they come. Any thread.
class RequestParser {
 public:
  struct Limits {
    size_t head_bytes_max = 64 * 1024;
    size_t body_bytes_max = 3 * 1024 * 1024;
  };
  // Why a request cannot be read, and the HTTP status that says so (400, 413, 431, 501, 505).
  struct Failure {
    int http_status = 400;
    Error error;
  };

  explicit RequestParser(const Limits& limits);
  ~RequestParser();

  // Takes bytes from the front of `bytes` and says how many; the rest is for the next call (with
  // more behind it), or belongs to the next request once done().
  size_t Feed(std::string_view bytes);

  bool done() const;
  const Failure* failure() const;  // null while all is well
  bool head_done() const;
  // The client waits for "100 Continue" before it sends the body.
  bool expects_continue() const;
  // Whether the connection may carry another request.
  bool keep_alive() const;
  bool is_http_1_0() const;
  // Bytes of the body that have come so far.
  size_t body_bytes() const;
  // What has come of the request; its head is whole once head_done().
  Request& request();
  // The request, moved out. Only when done().
  Request Take();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace wherry::http
