#pragma once

#include "lib/http/message.h"
#include "lib/http/websocket.h"
#include "lib/loop/loop.h"

#include <memory>
#include <string>

namespace wherry::nodeagent::streaming {

// A byte stream inside of a WebSocket: the payloads of its messages, one after another.
// Loop thread; one reader, any number of writers.
class WebSocketStream : public http::ByteStream {
 public:
  WebSocketStream(Loop& loop, std::unique_ptr<http::ByteStream> stream);

  Task<Result<std::string>> Read() override;
  Task<Status> Write(std::string bytes) override;
  // At once; Finish says goodbye before.
  void Close() override { stream_->Close(); }
  Task<void> Finish();

 private:
  http::ByteStream* stream_;  // of socket_
  http::WebSocket socket_;
};

}  // namespace wherry::nodeagent::streaming
