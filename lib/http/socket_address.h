#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

namespace wherry::http {

// An IPv4 or IPv6 address with a port, as bind(2) and connect(2) take it.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

// Nothing when `host` is no IP address; names are not looked up.
std::optional<SocketAddress> ParseSocketAddress(const std::string& host, uint16_t port);

}  // namespace wherry::http
