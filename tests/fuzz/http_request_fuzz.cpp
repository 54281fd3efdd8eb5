// Request heads and bodies, plain and chunked, as they come from anybody who can connect. The first
// byte says in what pieces; the same bytes must give the same outcome in other pieces.

#include "lib/base/check.h"
#include "lib/http/request_parser.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using wherry::http::RequestParser;

struct Outcome {
  bool done = false;
  bool failed = false;
  std::string request;  // all of it, as text
  std::string rest;
};

Outcome Parse(std::string_view bytes, size_t step) {
  RequestParser parser({.head_bytes_max = 1024, .body_bytes_max = 4096});
  std::string buffer;
  while (!parser.done() && parser.failure() == nullptr && !bytes.empty()) {
    const size_t count = std::min(step, bytes.size());
    buffer += bytes.substr(0, count);
    bytes.remove_prefix(count);
    const size_t taken = parser.Feed(buffer);
    CHECK(taken <= buffer.size());
    buffer.erase(0, taken);
  }
  Outcome outcome;
  outcome.done = parser.done();
  outcome.failed = parser.failure() != nullptr;
  if (outcome.failed) CHECK(parser.failure()->http_status >= 400);
  if (outcome.done) {
    const wherry::http::Request request = parser.Take();
    CHECK(request.body.size() <= 4096);
    outcome.request = request.method + " " + request.target + "\n";
    for (const auto& [name, value] : request.headers.all())
      outcome.request += name + ": " + value + "\n";
    outcome.request += request.body;
    outcome.rest = buffer + std::string(bytes);
  }
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
  CHECK(whole.request == pieces.request);
  CHECK(whole.rest == pieces.rest);
  return 0;
}
