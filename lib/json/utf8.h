#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace wherry::json {

// Bytes that a JSON string holds as they are, UTF-8 sequences aside: ASCII but controls, '"' and
// '\\'.
inline constexpr std::array<bool, 256> kPlainBytes = [] {
  std::array<bool, 256> table{};
  for (size_t i = 0x20; i < 0x80; ++i) table[i] = i != '"' && i != '\\';
  return table;
}();

// The length of the valid UTF-8 sequence at the start of `text`, 0 when there is none. RFC 3629.
size_t Utf8Length(std::string_view text);

}  // namespace wherry::json
