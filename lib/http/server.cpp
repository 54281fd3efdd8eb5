#include "lib/http/server.h"

#include "lib/http/connection.h"
#include "lib/http/socket_address.h"
#include "lib/http/tls_context.h"
#include "lib/loop/sync.h"
#include "lib/telemetry/log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <unordered_map>
#include <utility>
#include <vector>

namespace wherry::http {
namespace {

constexpr telemetry::Logger log("http");

constexpr size_t kReadScratchBytes = 64 * 1024;
constexpr int kAcceptsPerTurn = 64;
constexpr int kBacklog = 1024;
constexpr size_t kRoomShare = 256;  // of the connections, when there are too many
constexpr std::chrono::milliseconds kTickMax{1000};
constexpr std::chrono::milliseconds kTickMin{10};
constexpr std::chrono::milliseconds kAcceptPause{100};

// A silent peer of a watch is noticed after about a minute.
constexpr int kKeepAliveIdleSeconds = 30;
constexpr int kKeepAliveIntervalSeconds = 10;
constexpr int kKeepAliveProbes = 3;

std::string FormatAddress(const sockaddr_storage& storage) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage);
    inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    return std::string(text.data()) + ":" + std::to_string(ntohs(v4->sin_port));
  }
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage);
  inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
  return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(v6->sin6_port));
}

void SetOption(int fd, int level, int name, int value) {
  setsockopt(fd, level, name, &value, sizeof(value));
}

void TuneAccepted(int fd) {
  SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  SetOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveIdleSeconds);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, kKeepAliveIntervalSeconds);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPCNT, kKeepAliveProbes);
}

struct Listener {
  Listener(int listening_fd, TlsContext context) : fd(listening_fd), tls(std::move(context)) {}
  ~Listener() {
    watcher.reset();
    close(fd);
  }
  int fd;
  TlsContext tls;  // null: plain TCP
  std::unique_ptr<FdWatcher> watcher;
};

}  // namespace

struct Server::Impl {
  Impl(Loop& the_loop, Handler& handler, ServerOptions the_options)
      : loop(the_loop), options(std::move(the_options)), context{loop, handler, options} {
    context.read_scratch.resize(kReadScratchBytes);
    SetDate();
  }

  ~Impl() {
    for (const Loop::TimerId timer : {tick_timer, pause_timer}) {
      if (timer != 0) loop.CancelTimer(timer);
    }
    *alive = false;
    for (const auto& [id, connection] : std::exchange(connections, {})) {
      connection->Close();
      connection->CancelTask();
    }
  }

  void SetDate() { context.date = FormatHttpDate(std::time(nullptr)); }

  // Deadlines are looked at this often: in time for the shortest of them, not for each.
  static std::chrono::milliseconds TickOf(const ServerOptions& options) {
    const auto shortest =
        std::min({options.handshake_timeout, options.head_timeout, options.body_timeout,
                  options.write_timeout, options.idle_timeout});
    return std::clamp(shortest / 2, kTickMin, kTickMax);
  }

  // Runs while there are connections, so that an idle server sleeps.
  void StartTicking() {
    if (tick_timer != 0) return;
    SetDate();
    tick_timer = loop.RunAt(loop.MonotonicNow() + tick, [this] {
      tick_timer = 0;
      Tick();
    });
  }
  void Tick() {
    const MonotonicTime now = loop.MonotonicNow();
    // Closing only marks: entries are erased in a later turn.
    for (const auto& [id, connection] : connections) connection->CheckDeadline(now);
    if (!connections.empty()) StartTicking();
  }

  void Accept(Listener& listener) {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      SocketAddress peer;
      peer.size = sizeof(peer.storage);
      const int fd = accept4(listener.fd, peer.get(), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        Add(listener, fd, FormatAddress(peer.storage));
        continue;
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        log.Warn("cannot accept, pausing", {{"errno", errno}});
        return PauseAccepting();
      }
    }
    listener.watcher->WaitReadable();
  }

  void PauseAccepting() {
    if (pause_timer != 0) return;
    pause_timer = loop.RunAt(loop.MonotonicNow() + kAcceptPause, [this] {
      pause_timer = 0;
      for (const auto& listener : listeners) listener->watcher->WaitReadable();
    });
  }

  void Add(Listener& listener, int fd, std::string peer_address) {
    if (connections.size() >= options.connections_max && !MakeRoom()) {
      close(fd);
      return;
    }
    TuneAccepted(fd);
    const uint64_t id = ++last_id;
    auto on_closed = [this, id] {
      loop.Post([this, id, still_there = alive] {
        if (*still_there) Remove(id);
      });
    };
    auto connection = std::make_shared<Connection>(context, fd, listener.tls.get(),
                                                   std::move(peer_address), std::move(on_closed));
    connections.emplace(id, connection);
    StartTicking();
    connection->Start();
  }

  // Lets some idle connections go, several at once because looking for them goes through all.
  // Not from inside the task of a request.
  bool MakeRoom() {
    std::vector<std::pair<Connection::Idle, uint64_t>> idle;
    for (const auto& [id, connection] : connections) {
      if (const auto since = connection->idle()) idle.emplace_back(*since, id);
    }
    const size_t wanted = std::min(idle.size(), 1 + options.connections_max / kRoomShare);
    std::partial_sort(idle.begin(), idle.begin() + static_cast<std::ptrdiff_t>(wanted), idle.end());
    idle.resize(wanted);
    for (const auto& [since, id] : idle) {
      connections.at(id)->Close();
      Remove(id);
    }
    return wanted > 0;
  }

  void Remove(uint64_t id) {
    auto it = connections.find(id);
    if (it == connections.end()) return;
    // The request's task ends here, although an upgraded stream may keep the connection itself.
    const auto connection = std::move(it->second);
    connections.erase(it);
    connection->CancelTask();
    if (connections.empty()) emptied.Notify();
  }

  Loop& loop;
  ServerOptions options;
  ConnectionContext context;
  std::vector<std::unique_ptr<Listener>> listeners;
  std::unordered_map<uint64_t, std::shared_ptr<Connection>> connections;
  const std::chrono::milliseconds tick = TickOf(options);
  uint64_t last_id = 0;
  Loop::TimerId tick_timer = 0;
  Loop::TimerId pause_timer = 0;
  Notifier emptied{loop};
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

Server::Server(Loop& loop, Handler& handler, ServerOptions options)
    : impl_(std::make_unique<Impl>(loop, handler, std::move(options))) {}
Server::~Server() = default;

Result<uint16_t> Server::Listen(const std::string& host, uint16_t port,
                                std::optional<TlsServerConfig> tls) {
  auto address = ParseSocketAddress(host, port);
  if (!address) {
    return MakeError(Reason::kBadRequest, "listen on '" + host + "': not an IP address");
  }
  TlsContext context;
  if (tls) {
    TRY(context, MakeServerContext(*tls));
  }
  const std::string what = "listen on '" + host + "' port " + std::to_string(port);
  const int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return ErrnoError(errno, what);
  auto listener = std::make_unique<Listener>(fd, std::move(context));
  SetOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (bind(fd, address->get(), address->size) != 0 || listen(fd, kBacklog) != 0) {
    return ErrnoError(errno, what);
  }
  if (getsockname(fd, address->get(), &address->size) != 0) return ErrnoError(errno, what);
  const uint16_t bound =
      address->storage.ss_family == AF_INET
          ? ntohs(reinterpret_cast<const sockaddr_in*>(&address->storage)->sin_port)
          : ntohs(reinterpret_cast<const sockaddr_in6*>(&address->storage)->sin6_port);
  Listener* raw = listener.get();
  listener->watcher =
      std::make_unique<FdWatcher>(impl_->loop, fd, [this, raw] { impl_->Accept(*raw); });
  listener->watcher->WaitReadable();
  impl_->listeners.push_back(std::move(listener));
  return bound;
}

Status Server::SetTls(const TlsServerConfig& tls) {
  for (const auto& listener : impl_->listeners) {
    if (listener->tls == nullptr) continue;
    // Each connection holds the context that it began with.
    TRY(listener->tls, MakeServerContext(tls));
  }
  return Ok();
}

Task<void> Server::Drain(std::chrono::milliseconds grace) {
  Impl& impl = *impl_;
  impl.listeners.clear();
  for (const auto& [id, connection] : impl.connections) connection->Drain();
  const MonotonicTime deadline = impl.loop.MonotonicNow() + grace;
  struct Timer {
    Loop& loop;
    Loop::TimerId id;
    ~Timer() { loop.CancelTimer(id); }
  };
  const Timer timer{impl.loop, impl.loop.RunAt(deadline, [&impl] { impl.emptied.Notify(); })};
  while (!impl.connections.empty() && impl.loop.MonotonicNow() < deadline) {
    co_await impl.emptied.Wait();
  }
  for (const auto& [id, connection] : impl.connections) connection->Close();
  while (!impl.connections.empty()) co_await impl.emptied.Wait();
}

size_t Server::connections() const { return impl_->connections.size(); }

}  // namespace wherry::http
