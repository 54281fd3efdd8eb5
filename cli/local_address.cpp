#include "cli/local_address.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>

namespace wherry::cli {

std::string FirstAddress() {
  std::string found = "127.0.0.1";
  ifaddrs* addresses = nullptr;
  if (::getifaddrs(&addresses) != 0) return found;
  for (const ifaddrs* entry = addresses; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET) continue;
    if ((entry->ifa_flags & IFF_LOOPBACK) != 0 || (entry->ifa_flags & IFF_UP) == 0) continue;
    char text[INET_ADDRSTRLEN];
    const auto* address = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
    if (::inet_ntop(AF_INET, &address->sin_addr, text, sizeof text) != nullptr) {
      found = text;
      break;
    }
  }
  ::freeifaddrs(addresses);
  return found;
}

Result<std::string> AddressTowards(const std::string& url) {
  const std::string what = "find the address towards '" + url + "'";
  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  char* host = nullptr;
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
      curl_url_get(parsed.get(), CURLUPART_HOST, &host, 0) != CURLUE_OK) {
    return MakeError(Reason::kBadRequest, what + ": not a URL");
  }
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host, "443", &hints, &found);
  curl_free(host);
  if (failed != 0) return FirstAddress();
  // Connecting a datagram socket sends nothing: it looks the route up.
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in own{};
  socklen_t size = sizeof own;
  const bool routed = fd >= 0 && ::connect(fd, found->ai_addr, found->ai_addrlen) == 0 &&
                      ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) == 0;
  const int saved = errno;
  if (fd >= 0) ::close(fd);
  ::freeaddrinfo(found);
  if (!routed) {
    Error error = ErrnoError(saved, what);
    error.reason = Reason::kServiceUnavailable;
    return error;
  }
  char text[INET_ADDRSTRLEN] = "";
  ::inet_ntop(AF_INET, &own.sin_addr, text, sizeof text);
  return std::string_view(text).starts_with("127.") ? FirstAddress() : std::string(text);
}

}  // namespace wherry::cli
