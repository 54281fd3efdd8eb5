#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

// Protobuf's base-128 numbers, for those who put messages together from bytes at hand.
// Source: https://protobuf.dev/programming-guides/encoding/.
namespace wherry::api {

inline void AppendVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7U) out += static_cast<char>((value & 0x7FU) | 0x80U);
  out += static_cast<char>(value);
}

constexpr size_t VarintSize(uint64_t value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7U) ++size;
  return size;
}

}  // namespace wherry::api
