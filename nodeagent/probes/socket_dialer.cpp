#include "lib/linux/fd.h"
#include "lib/loop/blocking.h"
#include "nodeagent/probes/prober.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace wherry::nodeagent::probes {

namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

Result<Address> Resolve(const std::string& host, int port, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0)
    return MakeError(Reason::kServiceUnavailable,
                     "dial tcp: lookup " + host + ": " + ::gai_strerror(error));
  Address address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.length = found->ai_addrlen;
  ::freeaddrinfo(found);
  return address;
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
  auto resolved = Resolve(host, port, AI_NUMERICHOST);
  if (!resolved.ok()) {
    auto lookup = [host, port] { return Resolve(host, port, 0); };
    resolved = co_await world_.blocking.Run(world_.loop, std::move(lookup));
    if (!resolved.ok()) co_return std::move(resolved).error();
  }
  const Address address = std::move(resolved).value();
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
