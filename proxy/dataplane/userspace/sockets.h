#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"
#include "proxy/services/table.h"

#include <netinet/in.h>

#include <string>

namespace wherry::proxy::dataplane {

// Non-blocking, close-on-exec IPv4 sockets. Errors carry the address they were for.
Result<sockaddr_in> ToAddress(const std::string& ip, uint16_t port);
// Bound to the frontend's address, node ports to every address; TCP sockets listen.
Result<linux::Fd> OpenFrontend(const services::Frontend& frontend);
// Connected, or for TCP on its way there (writable once it is).
Result<linux::Fd> OpenBackend(const services::Backend& backend, services::Protocol protocol);
// Lets the kernel end a TCP connection whose peer is gone without a word: tcp(7). It asks after two
// minutes of silence, and gives up after five more questions, 15 seconds apart.
void KeepAlive(int socket);
// The error of a connection attempt that has become writable.
Status FinishConnect(int socket, const services::Backend& backend);

}  // namespace wherry::proxy::dataplane
