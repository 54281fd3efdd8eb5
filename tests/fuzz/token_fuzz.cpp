// Bearer tokens: no text but ours is vouched for, and base64url means one thing in one way.

#include "lib/base/check.h"
#include "lib/http/jwt.h"

#include <cstdint>
#include <string>
#include <string_view>

using namespace wherry;

namespace {

struct Fixture {
  std::string key = http::MakeRsaKey().value();
  http::JwtVerifier verifier = http::JwtVerifier::Make(key).value();
  std::string good = http::SignJwt(key, R"({"sub":"a"})").value();
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Fixture fixture;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto bytes = http::Base64UrlDecode(text);
  if (bytes.ok()) CHECK_THAT(http::Base64UrlEncode(*bytes) == text, std::string(text));
  auto back = http::Base64UrlDecode(http::Base64UrlEncode(text));
  CHECK_OK(back);
  CHECK(*back == text);

  CHECK(!fixture.verifier.Verify(text).ok());
  // The input in place of each part of a good token.
  const size_t first = fixture.good.find('.');
  const size_t second = fixture.good.find('.', first + 1);
  const std::string_view good = fixture.good;
  const std::string parts[] = {
      std::string(text) + std::string(good.substr(first)),
      std::string(good.substr(0, first + 1)) + std::string(text) + std::string(good.substr(second)),
      std::string(good.substr(0, second + 1)) + std::string(text)};
  for (const std::string& token : parts) {
    CHECK_THAT(token == good || !fixture.verifier.Verify(token).ok(), token);
  }
  CHECK(fixture.verifier.Verify(good).ok());
  return 0;
}
