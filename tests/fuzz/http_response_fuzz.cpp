// Responses to upgrades, as any server may send them. The first byte says in what pieces; the same
// bytes must give the same outcome in one.

#include "lib/base/check.h"
#include "lib/http/response_parser.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

struct Outcome {
  bool done = false;
  bool failed = false;
  int status = 0;
  std::string body;
};

Outcome Parse(std::string_view bytes, size_t step) {
  wherry::http::ResponseParser parser({.head_bytes_max = 512, .body_bytes_max = 1024});
  Outcome outcome;
  while (!bytes.empty() && !parser.done()) {
    const size_t count = std::min(step, bytes.size());
    if (!parser.Feed(bytes.substr(0, count)).ok()) {
      outcome.failed = true;
      return outcome;
    }
    bytes.remove_prefix(count);
  }
  outcome.done = parser.done();
  if (!outcome.done) return outcome;
  const wherry::http::Response response = parser.Take();
  CHECK(response.status >= 100);
  CHECK(response.body.size() <= 1024);
  outcome.status = response.status;
  outcome.body = response.body;
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome whole = Parse(bytes, bytes.size() + 1);
  const Outcome pieces = Parse(bytes, static_cast<size_t>(data[0]) + 1);
  CHECK(whole.done == pieces.done);
  CHECK(whole.failed == pieces.failed);
  CHECK(whole.status == pieces.status);
  CHECK(whole.body == pieces.body);
  return 0;
}
