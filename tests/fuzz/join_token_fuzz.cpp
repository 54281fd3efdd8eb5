// Join tokens. What is read is made of nothing but its two parts.

#include "cli/keys/join_token.h"
#include "lib/base/check.h"

#include <cstddef>
#include <cstdint>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto token = wherry::cli::ParseJoinToken(text);
  if (!token.ok()) return 0;
  CHECK(text == "W1" + token->ca_hash.substr(7) + "::" + token->bootstrap.Text());
  return 0;
}
