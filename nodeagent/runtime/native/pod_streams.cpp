#include "nodeagent/runtime/native/pod_streams.h"

#include "lib/http/client_stream.h"
#include "lib/loop/with_timeout.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <utility>

namespace wherry::nodeagent::runtime::native {
namespace {

constexpr std::chrono::seconds kTerminalTimeout{30};
constexpr std::chrono::seconds kConnectTimeout{30};

Task<Result<linux::Fd>> TerminalOf(NativePod::TerminalExec exec) {
  auto waiting = exec.terminal.Wait();
  co_return co_await std::move(waiting);
}

// A socket of the pod's network, connected.
Task<Result<linux::Fd>> ConnectSocket(Loop& loop, NativePod& pod, uint16_t port, bool ipv6) {
  auto opening = pod.OpenSocket(ipv6);
  CO_TRY(linux::Fd socket, co_await std::move(opening));
  sockaddr_storage address{};
  socklen_t size = 0;
  if (ipv6) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    v6->sin6_addr = in6addr_loopback;
    size = sizeof(sockaddr_in6);
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    size = sizeof(sockaddr_in);
  }
  int error = 0;
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) {
    error = errno;
    if (error == EINPROGRESS) {
      co_await FdReady(loop, socket.get(), Loop::FdEvent::kWritable);
      socklen_t error_size = sizeof error;
      if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &error_size) != 0) error = errno;
    }
  }
  if (error == 0) co_return socket;
  const std::string name = (ipv6 ? "[::1]:" : "127.0.0.1:") + std::to_string(port);
  Error failed = ErrnoError(error, "connect to '" + name + "' in the pod");
  failed.reason = Reason::kServiceUnavailable;
  co_return failed;
}

class Connection : public PodConnection {
 public:
  Connection(Loop& loop, linux::Fd socket) : stream_(loop, socket.Release(), nullptr) {}
  Task<Result<std::string>> Read() override { return stream_.Read(); }
  Task<Status> Write(std::string bytes) override { return stream_.Write(std::move(bytes)); }
  void CloseWrite() override { stream_.CloseWrite(); }

 private:
  http::ClientStream stream_;
};

}  // namespace

Task<Result<std::unique_ptr<ExecSession>>> StartInTerminal(Loop& loop, NativePod& pod,
                                                           init::Exec exec,
                                                           std::function<void()> kill) {
  // The client may go while the terminal is on its way.
  struct KillUnlessTaken {
    std::function<void()> kill;
    ~KillUnlessTaken() {
      if (kill) kill();
    }
  };
  KillUnlessTaken guard{std::move(kill)};
  NativePod::TerminalExec begun = pod.BeginTerminalExec(std::move(exec));
  auto waiting = TerminalOf(begun);
  auto bounded = WithTimeout(loop, kTerminalTimeout, std::move(waiting));
  auto master = co_await std::move(bounded);
  if (!master.ok()) co_return std::move(master).error().Wrap("failed to exec in container");
  CO_TRY(SessionEnds ends, TerminalEnds(std::move(*master)));
  co_return MakeExecSession(loop, std::move(ends), pod.EndOf(std::move(begun)),
                            std::exchange(guard.kill, nullptr));
}

Result<SessionEnds> AttachedEnds(NativePod::AttachedStreams& streams) {
  for (const linux::Fd& fd : streams.fds) {
    if (::fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0) return ErrnoError(errno, "fcntl");
  }
  SessionEnds ends;
  ends.tty = streams.message.tty;
  size_t next = 0;
  if (streams.message.has_input) ends.in = std::move(streams.fds[next++]);
  ends.out = std::move(streams.fds[next++]);
  if (!ends.tty) ends.err = std::move(streams.fds[next]);
  return ends;
}

Task<Result<std::unique_ptr<PodConnection>>> ConnectToPod(Loop& loop, NativePod& pod,
                                                          uint16_t port) {
  auto connecting = ConnectSocket(loop, pod, port, false);
  auto bounded = WithTimeout(loop, kConnectTimeout, std::move(connecting));
  auto socket = co_await std::move(bounded);
  if (!socket.ok()) {
    auto again = ConnectSocket(loop, pod, port, true);
    auto bounded_again = WithTimeout(loop, kConnectTimeout, std::move(again));
    auto other = co_await std::move(bounded_again);
    if (!other.ok()) co_return std::move(socket).error();
    socket = std::move(other);
  }
  std::unique_ptr<PodConnection> connection =
      std::make_unique<Connection>(loop, std::move(*socket));
  co_return connection;
}

}  // namespace wherry::nodeagent::runtime::native
