#include "proxy/dataplane/userspace/copy.h"

#include "lib/loop/sync.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace wherry::proxy::dataplane {
namespace {

constexpr size_t kBufferBytes = 16 * 1024;
// A flow whose both ends are always ready has moved so much when others get their turn on the loop.
constexpr size_t kBytesPerTurn = 16 * kBufferBytes;

}  // namespace

Task<Result<Unit>> Copy(Loop& loop, int from, int to) {
  std::string buffer(kBufferBytes, '\0');
  size_t in_this_turn = 0;
  while (true) {
    if (in_this_turn >= kBytesPerTurn) {
      in_this_turn = 0;
      co_await Yield(loop);
    }
    ssize_t size = ::read(from, buffer.data(), buffer.size());
    if (size < 0 && errno == EAGAIN) {
      co_await FdReady(loop, from, Loop::FdEvent::kReadable);
      continue;
    }
    if (size < 0) co_return ErrnoError(errno, "read");
    if (size == 0) break;
    in_this_turn += static_cast<size_t>(size);
    size_t sent = 0;
    while (sent < static_cast<size_t>(size)) {
      const ssize_t written =
          ::send(to, buffer.data() + sent, static_cast<size_t>(size) - sent, MSG_NOSIGNAL);
      if (written >= 0) {
        sent += static_cast<size_t>(written);
      } else if (errno == EAGAIN) {
        co_await FdReady(loop, to, Loop::FdEvent::kWritable);
      } else {
        co_return ErrnoError(errno, "send");
      }
    }
  }
  ::shutdown(to, SHUT_WR);
  co_return Unit{};
}

}  // namespace wherry::proxy::dataplane
