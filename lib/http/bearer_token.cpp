#include "lib/http/bearer_token.h"

#include <fstream>

namespace wherry::http {

std::string BearerTokenOf(const CurlClient::Options& options) {
  if (options.bearer_token_file.empty()) return options.bearer_token;
  std::ifstream file(options.bearer_token_file);
  std::string token;
  file >> token;
  return token;
}

}  // namespace wherry::http
