#include "lib/json/utf8.h"

namespace wherry::json {

size_t Utf8Length(std::string_view text) {
  auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  auto tail = [&](size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  if (text.empty()) return 0;
  const unsigned lead = byte(0);
  if (lead < 0x80U) return 1;
  if (lead >= 0xC2U && lead <= 0xDFU) return tail(1) ? 2 : 0;
  if (lead >= 0xE0U && lead <= 0xEFU) {
    if (!tail(1) || !tail(2)) return 0;
    if (lead == 0xE0U && byte(1) < 0xA0U) return 0;  // could be shorter
    if (lead == 0xEDU && byte(1) > 0x9FU) return 0;  // half of a surrogate pair
    return 3;
  }
  if (lead >= 0xF0U && lead <= 0xF4U) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if (lead == 0xF0U && byte(1) < 0x90U) return 0;  // could be shorter
    if (lead == 0xF4U && byte(1) > 0x8FU) return 0;  // beyond U+10FFFF
    return 4;
  }
  return 0;
}

}  // namespace wherry::json
