#include "lib/linux/socket.h"

#include "lib/linux/file.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace wherry::linux {
namespace {

Result<sockaddr_un> AddressBelow(int dir, const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string path = "/proc/self/fd/" + std::to_string(dir) + "/" + name;
  if (path.size() >= sizeof address.sun_path) {
    return MakeError(Reason::kInvalid, "socket name '" + name + "' is too long");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

}  // namespace

Result<std::pair<Fd, Fd>> StreamSocketPair(bool nonblocking_first) {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
    return ErrnoError(errno, "make a socket pair");
  }
  std::pair<Fd, Fd> pair{Fd(fds[0]), Fd(fds[1])};
  if (nonblocking_first && ::fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0) {
    return ErrnoError(errno, "make a socket non-blocking");
  }
  return pair;
}

Result<Fd> ListenUnix(int dir, const std::string& name) {
  TRY(sockaddr_un address, AddressBelow(dir, name));
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return ErrnoError(errno, "make a socket");
  ::unlinkat(dir, name.c_str(), 0);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return ErrnoError(errno, "bind socket '" + name + "'");
  }
  if (::listen(fd.get(), 4) != 0) return ErrnoError(errno, "listen on '" + name + "'");
  return fd;
}

Result<Fd> ConnectUnix(int dir, const std::string& name) {
  TRY(sockaddr_un address, AddressBelow(dir, name));
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return ErrnoError(errno, "make a socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    Error error = ErrnoError(errno, "connect to '" + name + "'");
    error.reason = Reason::kServiceUnavailable;
    return error;
  }
  return fd;
}

Result<pid_t> PeerPid(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return ErrnoError(errno, "ask for a socket's peer");
  }
  if (peer.pid <= 0) return MakeError(Reason::kInternalError, "the peer is out of sight");
  return peer.pid;
}

Result<size_t> SendWithFds(int socket, std::string_view bytes, const std::vector<int>& fds) {
  iovec vec{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
  msghdr message{};
  message.msg_iov = &vec;
  message.msg_iovlen = 1;
  std::vector<char> control;
  if (!fds.empty()) {
    if (fds.size() > kFdsPerMessageMax) {
      return MakeError(Reason::kInvalid, "more than 253 descriptors in one message");
    }
    size_t bytes_of_fds = fds.size() * sizeof(int);
    control.resize(CMSG_SPACE(bytes_of_fds));
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(bytes_of_fds);
    std::memcpy(CMSG_DATA(header), fds.data(), bytes_of_fds);
  }
  for (;;) {
    ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<size_t>(sent);
    if (errno == EAGAIN) return size_t{0};
    if (errno != EINTR) {
      Error error = ErrnoError(errno, "send");
      error.reason = Reason::kServiceUnavailable;
      return error;
    }
  }
}

Result<bool> ReceiveWithFds(int socket, size_t bytes_max, std::string& bytes,
                            std::vector<Fd>& fds) {
  std::string buffer(bytes_max, '\0');
  iovec vec{.iov_base = buffer.data(), .iov_len = buffer.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(kFdsPerMessageMax * sizeof(int))];
  msghdr message{};
  message.msg_iov = &vec;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t received;
  do {
    received = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) {
    Error error = ErrnoError(errno, "receive");
    error.reason = error.os_errno == EAGAIN ? Reason::kTimeout : Reason::kServiceUnavailable;
    return error;
  }
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      fds.emplace_back(fd);
    }
  }
  if ((message.msg_flags & MSG_CTRUNC) != 0) {
    return MakeError(Reason::kInternalError, "descriptors were lost on the way (RLIMIT_NOFILE?)");
  }
  bytes.append(buffer, 0, static_cast<size_t>(received));
  return received > 0;
}

}  // namespace wherry::linux
