#include "proxy/services/source_range.h"

#include <arpa/inet.h>

#include <charconv>

namespace wherry::proxy::services {
namespace {

std::optional<uint32_t> ParseAddress(const std::string& text) {
  in_addr address{};
  if (::inet_pton(AF_INET, text.c_str(), &address) != 1) return std::nullopt;
  return ntohl(address.s_addr);
}

uint32_t MaskOf(int prefix_bits) {
  return prefix_bits == 0 ? 0 : ~uint32_t{0} << (32 - prefix_bits);
}

}  // namespace

std::optional<SourceRange> SourceRange::Parse(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = ParseAddress(std::string(text.substr(0, slash)));
  const std::string_view bits = text.substr(slash + 1);
  SourceRange range;
  auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), range.prefix_bits);
  if (!address || error != std::errc() || end != bits.data() + bits.size()) return std::nullopt;
  if (range.prefix_bits < 0 || range.prefix_bits > 32) return std::nullopt;
  range.network = *address & MaskOf(range.prefix_bits);
  return range;
}

bool SourceRange::Contains(const std::string& ip) const {
  const auto address = ParseAddress(ip);
  return address && (*address & MaskOf(prefix_bits)) == network;
}

std::string SourceRange::ToString() const {
  char text[INET_ADDRSTRLEN] = "";
  const in_addr address{.s_addr = htonl(network)};
  ::inet_ntop(AF_INET, &address, text, sizeof text);
  return std::string(text) + "/" + std::to_string(prefix_bits);
}

}  // namespace wherry::proxy::services
