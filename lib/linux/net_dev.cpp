#include "lib/linux/net_dev.h"

#include <array>
#include <charconv>

namespace wherry::linux {

namespace {

// bytes, packets, errs, drop, fifo, frame, compressed, multicast; then the same for sending.
constexpr size_t kColumns = 16;
constexpr size_t kRxBytes = 0;
constexpr size_t kRxErrors = 2;
constexpr size_t kTxBytes = 8;
constexpr size_t kTxErrors = 10;

bool ParseColumns(std::string_view text, std::array<uint64_t, kColumns>* columns) {
  for (uint64_t& column : *columns) {
    const size_t begin = text.find_first_not_of(' ');
    if (begin == std::string_view::npos) return false;
    text.remove_prefix(begin);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), column);
    if (error != std::errc()) return false;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
  }
  return true;
}

}  // namespace

std::vector<InterfaceCounters> ParseNetDev(std::string_view text) {
  std::vector<InterfaceCounters> interfaces;
  while (!text.empty()) {
    const size_t newline = text.find('\n');
    std::string_view line = text.substr(0, newline);
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
    const size_t begin = line.find_first_not_of(' ');
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || begin >= colon) continue;
    const std::string_view name = line.substr(begin, colon - begin);
    std::array<uint64_t, kColumns> columns{};
    if (name == "lo" || !ParseColumns(line.substr(colon + 1), &columns)) continue;
    interfaces.push_back({.name = std::string(name),
                          .rx_bytes = columns[kRxBytes],
                          .rx_errors = columns[kRxErrors],
                          .tx_bytes = columns[kTxBytes],
                          .tx_errors = columns[kTxErrors]});
  }
  return interfaces;
}

}  // namespace wherry::linux
