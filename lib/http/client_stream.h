#pragma once

#include "lib/base/result.h"
#include "lib/http/fd_watcher.h"
#include "lib/http/message.h"
#include "lib/http/tls.h"
#include "lib/http/tls_context.h"
#include "lib/http/transport.h"
#include "lib/loop/loop.h"
#include "lib/loop/sync.h"
#include "lib/loop/task.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace wherry::http {

// The client's end of a connection of its own, over TCP or TLS.
//
// Loop thread of a loop with file descriptors. One reader and one writer at a time. Writing returns
// when the socket has taken all bytes, so a slow peer slows its writer. Destroying it closes it.
class ClientStream : public ByteStream {
 public:
  // `host` is an IP address. Errors: kServiceUnavailable when it is not, when nobody answers there,
  // or when the server's certificate is not what `tls` asks for.
  static Task<Result<std::unique_ptr<ClientStream>>> Connect(Loop& loop, std::string host,
                                                             uint16_t port,
                                                             std::optional<TlsClientConfig> tls);

  // Takes a connected socket, and the context when there is TLS.
  ClientStream(Loop& loop, int fd, TlsContext context);

  Task<Result<std::string>> Read() override;
  Task<Status> Write(std::string bytes) override;
  void Close() override;
  // Says that no more will be written; reading goes on.
  void CloseWrite() { transport_.ShutdownWrite(); }

 private:
  Task<Status> Handshake();
  // False once closed.
  Task<bool> WaitFor(IoResult::Kind want);

  TlsContext context_;
  Transport transport_;
  FdWatcher watcher_;
  Notifier readable_;
  Notifier writable_;
  bool closed_ = false;
};

}  // namespace wherry::http
