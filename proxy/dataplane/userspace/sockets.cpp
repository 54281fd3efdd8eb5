#include "proxy/dataplane/userspace/sockets.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace wherry::proxy::dataplane {
namespace {

using linux::Fd;

std::string Name(const std::string& ip, uint16_t port) {
  return "'" + ip + ":" + std::to_string(port) + "'";
}

int TypeOf(services::Protocol protocol) {
  return protocol == services::Protocol::kTcp ? SOCK_STREAM : SOCK_DGRAM;
}

}  // namespace

Result<sockaddr_in> ToAddress(const std::string& ip, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (::inet_pton(AF_INET, ip.c_str(), &address.sin_addr) != 1) {
    return MakeError(Reason::kInvalid, "'" + ip + "' is not an IPv4 address");
  }
  return address;
}

Result<Fd> OpenFrontend(const services::Frontend& frontend) {
  const std::string ip =
      frontend.kind == services::Frontend::Kind::kNodePort ? "0.0.0.0" : frontend.ip;
  TRY(const sockaddr_in address, ToAddress(ip, frontend.port));
  Fd socket(::socket(AF_INET, TypeOf(frontend.protocol) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return ErrnoError(errno, "socket");
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // An address that is not (yet) on a link may be bound all the same: ip(7).
  ::setsockopt(socket.get(), IPPROTO_IP, IP_FREEBIND, &on, sizeof on);
  // Datagrams come with the address they were sent to: ip(7).
  if (frontend.protocol == services::Protocol::kUdp) {
    ::setsockopt(socket.get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
  }
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return ErrnoError(errno, "bind " + Name(ip, frontend.port));
  }
  if (frontend.protocol == services::Protocol::kTcp && ::listen(socket.get(), SOMAXCONN) != 0) {
    return ErrnoError(errno, "listen on " + Name(ip, frontend.port));
  }
  return socket;
}

Result<Fd> OpenBackend(const services::Backend& backend, services::Protocol protocol) {
  TRY(const sockaddr_in address, ToAddress(backend.ip, backend.port));
  Fd socket(::socket(AF_INET, TypeOf(protocol) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return ErrnoError(errno, "socket");
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno != EINPROGRESS) {
    return ErrnoError(errno, "connect to " + Name(backend.ip, backend.port));
  }
  return socket;
}

void KeepAlive(int socket) {
  auto set = [socket](int level, int name, int value) {
    Ignore(::setsockopt(socket, level, name, &value, sizeof value), "known to every kernel");
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 120);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set(IPPROTO_TCP, TCP_KEEPCNT, 5);
}

Status FinishConnect(int socket, const services::Backend& backend) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return ErrnoError(error, "connect to " + Name(backend.ip, backend.port));
  return Ok();
}

}  // namespace wherry::proxy::dataplane
