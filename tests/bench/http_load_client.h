#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace wherry::bench {

// What a run of GETs over keep-alive connections came to.
struct LoadResult {
  uint64_t responses = 0;
  uint64_t wrong = 0;  // another status or body size than expected
  std::chrono::nanoseconds elapsed{};
  std::vector<std::chrono::nanoseconds> latencies;  // sorted

  double PerSecond() const;
  std::chrono::nanoseconds Percentile(double p) const;
};

struct LoadOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 0;
  bool tls = true;
  std::string target = "/";
  std::string bearer_token;
  size_t connections = 32;
  size_t expected_body_bytes = 0;  // 0: any
  std::chrono::milliseconds duration{3000};
};

// One thread, epoll, a request in flight per connection. The server's certificate is not checked.
// Ends the process with a message when it cannot connect.
LoadResult RunLoad(const LoadOptions& options);

}  // namespace wherry::bench
