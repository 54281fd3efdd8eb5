#pragma once

#include <string>
#include <string_view>

// Letters of protocols and names, where case does not count: ASCII only, whatever the locale.
namespace wherry {

constexpr char AsciiLower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

inline std::string AsciiLowered(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) c = AsciiLower(c);
  return lowered;
}

}  // namespace wherry
