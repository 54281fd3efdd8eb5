#include "lib/linux/netlink.h"

#include <arpa/inet.h>

#include <charconv>

namespace wherry::linux {
namespace {

uint32_t Bits(const Ipv4& ip) {
  return static_cast<uint32_t>(ip.bytes[0]) << 24 | static_cast<uint32_t>(ip.bytes[1]) << 16 |
         static_cast<uint32_t>(ip.bytes[2]) << 8 | static_cast<uint32_t>(ip.bytes[3]);
}

uint32_t Mask(int length) { return length == 0 ? 0 : ~uint32_t{0} << (32 - length); }

}  // namespace

std::string Ipv4::ToString() const {
  std::string text;
  for (uint8_t byte : bytes) text += (text.empty() ? "" : ".") + std::to_string(byte);
  return text;
}

Result<Ipv4> ParseIpv4(std::string_view text) {
  Ipv4 ip;
  if (::inet_pton(AF_INET, std::string(text).c_str(), ip.bytes.data()) != 1) {
    return MakeError(Reason::kInvalid, "'" + std::string(text) + "' is not an IPv4 address");
  }
  return ip;
}

std::string Ipv4Prefix::ToString() const {
  return address.ToString() + "/" + std::to_string(length);
}

bool Ipv4Prefix::Contains(Ipv4 ip) const {
  return (Bits(ip) & Mask(length)) == (Bits(address) & Mask(length));
}

Ipv4Prefix Ipv4Prefix::Network() const {
  uint32_t bits = Bits(address) & Mask(length);
  Ipv4Prefix network{.length = length};
  for (size_t i = 0; i < 4; ++i) {
    network.address.bytes[i] = static_cast<uint8_t>(bits >> (24 - 8 * i) & 0xff);
  }
  return network;
}

Result<Ipv4Prefix> ParseIpv4Prefix(std::string_view text) {
  size_t slash = text.find('/');
  auto bad = [&] {
    return MakeError(Reason::kInvalid, "'" + std::string(text) + "' is not a CIDR");
  };
  if (slash == std::string_view::npos) return bad();
  auto address = ParseIpv4(text.substr(0, slash));
  if (!address.ok()) return bad();
  Ipv4Prefix prefix{.address = *address};
  std::string_view digits = text.substr(slash + 1);
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix.length);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.front() == '-' ||
      prefix.length > 32) {
    return bad();
  }
  return prefix;
}

}  // namespace wherry::linux
