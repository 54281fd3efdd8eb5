#include "lib/http/client_stream.h"

#include "lib/http/client_context.h"
#include "lib/http/socket_address.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

namespace wherry::http {
namespace {

using Kind = IoResult::Kind;

constexpr size_t kReadBytes = 16 * 1024;

Error Unreachable(const std::string& what, int error) {
  Error made = ErrnoError(error, what);
  made.reason = Reason::kServiceUnavailable;
  return made;
}

// Closes unless it was taken.
struct Socket {
  explicit Socket(int the_fd) : fd(the_fd) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (fd >= 0) close(fd);
  }
  int Take() { return std::exchange(fd, -1); }
  int fd;
};

void Tune(int fd) {
  const int on = 1;
  const int seconds = 30;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds));
}

}  // namespace

Task<Result<std::unique_ptr<ClientStream>>> ClientStream::Connect(
    Loop& loop, std::string host, uint16_t port, std::optional<TlsClientConfig> tls) {
  auto address = ParseSocketAddress(host, port);
  if (!address) {
    co_return MakeError(Reason::kServiceUnavailable,
                        "connect to '" + host + "': not an IP address");
  }
  TlsContext context;
  if (tls) {
    CO_TRY(context, MakeClientContext(*tls, host));
  }
  const std::string what = "connect to '" + host + "' port " + std::to_string(port);
  Socket socket(
      ::socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.fd < 0) co_return Unreachable(what, errno);
  Tune(socket.fd);
  if (::connect(socket.fd, address->get(), address->size) != 0) {
    if (errno != EINPROGRESS) co_return Unreachable(what, errno);
    co_await FdReady(loop, socket.fd, Loop::FdEvent::kWritable);
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(socket.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) co_return Unreachable(what, error);
  }
  auto stream = std::make_unique<ClientStream>(loop, socket.Take(), std::move(context));
  auto handshaking = stream->Handshake();
  auto done = co_await std::move(handshaking);
  if (!done.ok()) co_return std::move(done).error().Wrap(what);
  co_return stream;
}

ClientStream::ClientStream(Loop& loop, int fd, TlsContext context)
    : context_(std::move(context)),
      transport_(fd, context_.get()),
      watcher_(
          loop, fd, [this] { readable_.Notify(); }, [this] { writable_.Notify(); }),
      readable_(loop),
      writable_(loop) {}

Task<bool> ClientStream::WaitFor(IoResult::Kind want) {
  if (closed_) co_return false;
  if (want == Kind::kWantRead) {
    watcher_.WaitReadable();
    co_await readable_.Wait();
  } else {
    watcher_.WaitWritable();
    co_await writable_.Wait();
  }
  co_return !closed_;
}

Task<Status> ClientStream::Handshake() {
  while (true) {
    const Kind kind = transport_.Handshake().kind;
    if (kind == Kind::kDone) co_return Ok();
    if (kind == Kind::kEnd || kind == Kind::kBroken) {
      co_return MakeError(Reason::kServiceUnavailable, transport_.HandshakeFailure());
    }
    auto waiting = WaitFor(kind);
    const bool open = co_await std::move(waiting);
    if (!open) co_return MakeError(Reason::kServiceUnavailable, "closed");
  }
}

Task<Result<std::string>> ClientStream::Read() {
  std::string bytes(kReadBytes, '\0');
  while (!closed_) {
    const IoResult result = transport_.Read(bytes.data(), bytes.size());
    if (result.kind == Kind::kDone) {
      bytes.resize(result.bytes);
      co_return bytes;
    }
    if (result.kind == Kind::kEnd || result.kind == Kind::kBroken) break;
    auto waiting = WaitFor(result.kind);
    co_await std::move(waiting);
  }
  co_return std::string();
}

Task<Status> ClientStream::Write(std::string bytes) {
  std::string_view rest(bytes);
  while (!rest.empty() && !closed_) {
    const std::array<std::string_view, 1> pieces = {rest};
    const IoResult result = transport_.Write(pieces);
    if (result.kind == Kind::kDone) {
      rest.remove_prefix(result.bytes);
      continue;
    }
    if (result.kind == Kind::kEnd || result.kind == Kind::kBroken) break;
    auto waiting = WaitFor(result.kind);
    co_await std::move(waiting);
  }
  if (rest.empty()) co_return Ok();
  co_return MakeError(Reason::kServiceUnavailable, "write: the connection is closed");
}

void ClientStream::Close() {
  if (std::exchange(closed_, true)) return;
  transport_.ShutdownWrite();
  readable_.Notify();
  writable_.Notify();
}

}  // namespace wherry::http
