#include "cli/free_memory.h"

#include "lib/loop/sync.h"
#include "lib/loop/world.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace wherry::cli {
namespace {

constexpr std::chrono::seconds kInterval{5};
constexpr int64_t kWorthIt = 16 << 20;  // growth since the last trim
constexpr int64_t kCalm = 1 << 20;      // growth since the last look

// proc(5): the second number is the resident set in pages; 0 when it cannot be read.
int64_t ResidentBytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  long long size = 0;
  long long resident = 0;
  const int read = std::fscanf(file, "%lld %lld", &size, &resident);
  std::fclose(file);
  return read == 2 ? resident * ::sysconf(_SC_PAGESIZE) : 0;
}

}  // namespace

Task<void> GiveMemoryBack(World& world) {
  int64_t trimmed = ResidentBytes();
  int64_t last = trimmed;
  while (true) {
    co_await SleepFor(world.loop, kInterval);
    int64_t now = ResidentBytes();
    if (now - trimmed >= kWorthIt && now - last < kCalm) {
      ::malloc_trim(0);
      now = trimmed = ResidentBytes();
    }
    trimmed = std::min(trimmed, now);
    last = now;
  }
}

}  // namespace wherry::cli
