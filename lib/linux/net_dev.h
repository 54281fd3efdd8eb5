#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::linux {

struct InterfaceCounters {
  std::string name;
  uint64_t rx_bytes = 0;
  uint64_t rx_errors = 0;
  uint64_t tx_bytes = 0;
  uint64_t tx_errors = 0;
};

// From the text of /proc/<pid>/net/dev, loopback left out; lines that are none are skipped. Pure.
// Source: proc(5).
std::vector<InterfaceCounters> ParseNetDev(std::string_view text);

}  // namespace wherry::linux
