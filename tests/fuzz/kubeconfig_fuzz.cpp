// Kubeconfig files. What is read must come out the same when it is written and read again.

#include "lib/base/check.h"
#include "lib/client/kubeconfig.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace wherry::client;
  const std::string_view yaml(reinterpret_cast<const char*>(data), size);
  // Files it names are not there: the directory does not exist.
  const auto config = ParseKubeconfig(yaml, "/nonexistent/fuzz");
  if (!config.ok()) return 0;
  const auto again = ParseKubeconfig(WriteKubeconfig(*config, "c", "u"), "/nonexistent/fuzz");
  CHECK_OK(again);
  CHECK(again->server == config->server);
  CHECK(again->tls.ca_pem == config->tls.ca_pem);
  CHECK(again->tls.insecure == config->tls.insecure);
  CHECK(again->tls.certificate_pem == config->tls.certificate_pem);
  CHECK(again->tls.key_pem == config->tls.key_pem);
  CHECK(again->tls.server_name == config->tls.server_name);
  CHECK(again->token == config->token);
  CHECK(again->token_file == config->token_file);
  CHECK(again->ns == config->ns);
  return 0;
}
