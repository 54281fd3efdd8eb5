#include "lib/linux/local_addresses.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace wherry::linux {

Result<std::vector<Ipv4>> LocalAddresses() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return ErrnoError(errno, "getifaddrs");
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(first, &::freeifaddrs);
  std::vector<Ipv4> addresses;
  for (const ifaddrs* each = first; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != AF_INET) continue;
    sockaddr_in address{};
    std::memcpy(&address, each->ifa_addr, sizeof address);
    Ipv4 ip;
    std::memcpy(ip.bytes.data(), &address.sin_addr, ip.bytes.size());
    addresses.push_back(ip);
  }
  return addresses;
}

}  // namespace wherry::linux
