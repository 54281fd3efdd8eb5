#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"

#include <sys/types.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Unix domain sockets that carry descriptors. Source: unix(7).
namespace wherry::linux {

// A connected pair of stream sockets, close-on-exec; `nonblocking_first` makes the first one
// non-blocking.
Result<std::pair<Fd, Fd>> StreamSocketPair(bool nonblocking_first);

// Listens on the socket file `name` in `dir` (replaced when it exists). The path's length does not
// matter: it is reached through /proc/self/fd.
Result<Fd> ListenUnix(int dir, const std::string& name);
// A non-blocking connection to it. Errors: kServiceUnavailable when nobody listens.
Result<Fd> ConnectUnix(int dir, const std::string& name);
// Who called listen(2) last on the socket that this one is connected to. Errors: kInternalError.
Result<pid_t> PeerPid(int socket);

// Most descriptors one message can carry (SCM_MAX_FD).
inline constexpr size_t kFdsPerMessageMax = 253;

// Sends bytes with descriptors attached to the first of them; returns how many bytes were taken,
// 0 when a non-blocking socket is full. Never raises SIGPIPE.
Result<size_t> SendWithFds(int socket, std::string_view bytes, const std::vector<int>& fds);
// Receives up to `bytes_max` bytes and appends them and the descriptors that came along; false at
// the end of the stream. kTimeout when a non-blocking socket has nothing.
Result<bool> ReceiveWithFds(int socket, size_t bytes_max, std::string& bytes, std::vector<Fd>& fds);

}  // namespace wherry::linux
