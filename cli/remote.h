#pragma once

#include "lib/base/result.h"
#include "lib/client/api_client.h"
#include "lib/http/curl_client.h"
#include "lib/loop/world.h"

#include <memory>
#include <string>

namespace wherry::cli {

// An ApiClient over HTTPS, as a kubeconfig says.
struct RemoteClient {
  std::unique_ptr<http::CurlClient> transport;
  std::unique_ptr<client::ApiClient> client;
};
Result<RemoteClient> ConnectByKubeconfig(World& world, const std::string& path);

// What images are pulled over. A registry that sends nothing for a minute has failed.
std::unique_ptr<http::CurlClient> MakeRegistryTransport(World& world);

}  // namespace wherry::cli
