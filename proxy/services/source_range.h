#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wherry::proxy::services {

// IPv4 addresses that share their first bits.
struct SourceRange {
  uint32_t network = 0;  // host byte order; the bits behind the prefix are zero
  int prefix_bits = 32;

  // "203.0.113.0/24", spaces around it allowed as upstream does; nothing for anything else.
  static std::optional<SourceRange> Parse(std::string_view text);
  bool Contains(const std::string& ip) const;
  std::string ToString() const;
  auto operator<=>(const SourceRange&) const = default;
};

}  // namespace wherry::proxy::services
