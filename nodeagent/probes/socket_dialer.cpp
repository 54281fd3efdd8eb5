#include "lib/linux/fd.h"
#include "lib/loop/sync.h"
#include "nodeagent/probes/prober.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

namespace wherry::nodeagent::probes {

namespace {

// Nothing when `host` is no address but a name.
std::optional<SocketAddress> Numeric(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return std::nullopt;
  SocketAddress address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.length = found->ai_addrlen;
  ::freeaddrinfo(found);
  return address;
}

void SetPort(SocketAddress& address, int port) {
  const in_port_t in_order = htons(static_cast<uint16_t>(port));
  void* storage = &address.storage;
  if (address.storage.ss_family == AF_INET6) {
    static_cast<sockaddr_in6*>(storage)->sin6_port = in_order;
  } else {
    static_cast<sockaddr_in*>(storage)->sin_port = in_order;
  }
}

std::string Lower(std::string text) {
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] + 32);
  return text;
}

Error ConnectFailed(const std::string& host, int port, int error) {
  Error result = ErrnoError(error, "connect");
  const size_t colon = result.message.rfind(": ");
  result.message =
      "dial tcp " + host + ":" + std::to_string(port) + ": connect: " +
      Lower(colon == std::string::npos ? result.message : result.message.substr(colon + 2));
  result.reason = Reason::kServiceUnavailable;
  return result;
}

}  // namespace

Task<Status> SocketDialer::Dial(std::string host, int port) {
  std::optional<SocketAddress> numeric = Numeric(host);
  SocketAddress address;
  if (numeric) {
    address = *numeric;
  } else {
    auto finding = names_.Find(host);
    auto found = co_await std::move(finding);
    if (!found.ok()) co_return std::move(found).error().Wrap("dial tcp");
    address = *found;
  }
  SetPort(address, port);
  linux::Fd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) co_return ErrnoError(errno, "socket");
  // Hanging up must not leave the connection in TIME_WAIT: probes are many.
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  const auto* target = static_cast<const sockaddr*>(static_cast<const void*>(&address.storage));
  if (::connect(fd.get(), target, address.length) == 0) co_return Ok();
  if (errno != EINPROGRESS) co_return ConnectFailed(host, port, errno);
  co_await FdReady(world_.loop, fd.get(), Loop::FdEvent::kWritable);
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) co_return ConnectFailed(host, port, error);
  co_return Ok();
}

}  // namespace wherry::nodeagent::probes
