#pragma once

#include "lib/base/result.h"
#include "lib/http/tls.h"

#include <string>
#include <string_view>

namespace wherry::client {

// What a kubeconfig's current context says: where the server is and how to show oneself.
struct Kubeconfig {
  std::string server;  // "https://10.0.0.1:6443"
  http::TlsClientConfig tls;
  std::string token;
  std::string token_file;
  std::string ns;  // the context's namespace; "" is "default"
};

// Reads the current context (or `context`, when not empty) of kubeconfig YAML; `directory` resolves
// relative file names (certificate-authority, client-certificate, client-key, tokenFile). Files are
// read now. Errors: kBadRequest for YAML that does not parse or names nothing; kNotFound for files.
// Unsupported ways to authenticate (exec, auth-provider, basic) are kBadRequest.
// Source: client-go tools/clientcmd/api/v1/types.go.
Result<Kubeconfig> ParseKubeconfig(std::string_view yaml, const std::string& directory = "",
                                   std::string_view context = "");
Result<Kubeconfig> LoadKubeconfig(const std::string& path, std::string_view context = "");

// YAML with one cluster, user and context, certificates inline; kubectl reads it.
std::string WriteKubeconfig(const Kubeconfig& config, const std::string& cluster_name,
                            const std::string& user_name);

}  // namespace wherry::client
