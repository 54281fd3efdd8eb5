#include "cli/keys/join_token.h"

#include "lib/http/certificates.h"

#include <algorithm>
#include <string_view>

namespace wherry::cli {
namespace {

constexpr std::string_view kPrefix = "W1";
constexpr std::string_view kHashPrefix = "sha256:";
constexpr size_t kHashLength = 64;
constexpr std::string_view kSeparator = "::";

bool IsHex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

}  // namespace

Result<std::string> MakeJoinToken(const std::string& ca_pem, const api::BootstrapToken& token) {
  TRY(std::string hash, http::PublicKeyHash(ca_pem));
  return std::string(kPrefix) + hash.substr(kHashPrefix.size()) + std::string(kSeparator) +
         token.Text();
}

Result<JoinToken> ParseJoinToken(const std::string& text) {
  const size_t separator = kPrefix.size() + kHashLength;
  const std::string_view all = text;
  const bool fits = all.starts_with(kPrefix) && all.size() > separator &&
                    all.substr(separator).starts_with(kSeparator) &&
                    std::all_of(all.begin() + kPrefix.size(),
                                all.begin() + static_cast<ptrdiff_t>(separator), IsHex);
  if (!fits) {
    return MakeError(Reason::kBadRequest,
                     "the join token is not of the form W1<CA hash>::<id>.<secret>");
  }
  JoinToken token;
  token.ca_hash = std::string(kHashPrefix) + text.substr(kPrefix.size(), kHashLength);
  TRY(token.bootstrap, api::ParseBootstrapToken(all.substr(separator + kSeparator.size())));
  return token;
}

std::string RandomText(Random& random, int length) {
  constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::string text;
  for (int i = 0; i < length; ++i) text += kAlphabet[random.Below(kAlphabet.size())];
  return text;
}

api::BootstrapToken RandomBootstrapToken(Random& random) {
  return {.id = RandomText(random, 6), .secret = RandomText(random, 16)};
}

}  // namespace wherry::cli
