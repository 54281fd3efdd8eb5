#pragma once

#include "lib/http/message.h"

#include <optional>

namespace wherry::http {

// A RoundTripper that asks a Handler in this process, on the same loop: no bytes of HTTP, no
// sockets.
//
// The handler outlives it. Requests arrive as they were made, with the options below filled in
// where the request leaves them open; a streamed body is handed through, a body that is streamed
// but wanted whole is collected. A handler or stream that throws, which is a bug, is logged and
// answered with kInternalError, as a server answers 500.
class InProcessRoundTripper : public RoundTripper {
 public:
  struct Options {
    std::optional<UserInfo> user;  // who the requests come from when they do not say
    bool wants_objects = false;    // see Chunk::object
  };
  explicit InProcessRoundTripper(Handler& handler);
  InProcessRoundTripper(Handler& handler, Options options);

  Task<Result<Response>> RoundTrip(Request request, bool stream_body) override;

 private:
  Handler& handler_;
  Options options_;
};

}  // namespace wherry::http
