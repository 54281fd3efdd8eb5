#pragma once

#include "lib/base/result.h"
#include "lib/http/message.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace wherry::http {

// Reads one HTTP/1.1 response (RFC 9112), as the answer to a request that asked for an upgrade.
//
// Feed until done(); then Take. A 101 is done with its head, and what follows is rest(). Interim
// responses before it are passed over. Any thread.
class ResponseParser {
 public:
  struct Limits {
    size_t head_bytes_max = 64 * 1024;
    size_t body_bytes_max = 64 * 1024;  // more is cut off
  };
  explicit ResponseParser(Limits limits) : limits_(limits) {}

  // Errors: kServiceUnavailable for what is no response, or a head above the limit.
  Status Feed(std::string_view bytes);
  // The peer has ended: a body without a length ends here.
  // Errors: kServiceUnavailable when that is too early.
  Status FeedEnd();
  bool done() const { return state_ == State::kDone; }
  Response Take() { return std::move(response_); }
  // What came behind the response.
  std::string& rest() { return buffer_; }

 private:
  enum class State { kHead, kLength, kChunks, kUntilEnd, kDone };

  Status ReadHead();
  Status ReadBody();

  Limits limits_;
  State state_ = State::kHead;
  std::string buffer_;
  size_t length_ = 0;  // of the body, in kLength
  Response response_;
};

}  // namespace wherry::http
