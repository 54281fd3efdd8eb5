#include "cli/remote.h"

#include "lib/client/kubeconfig.h"

namespace wherry::cli {

Result<RemoteClient> ConnectByKubeconfig(World& world, const std::string& path) {
  TRY(client::Kubeconfig config, client::LoadKubeconfig(path));
  http::CurlClient::Options options;
  options.base_url = config.server;
  options.tls = config.tls;
  options.bearer_token = config.token;
  options.bearer_token_file = config.token_file;
  RemoteClient remote;
  remote.transport = std::make_unique<http::CurlClient>(world.loop, std::move(options));
  remote.client = std::make_unique<client::ApiClient>(world.loop, *remote.transport,
                                                      client::ApiClient::Options{});
  return remote;
}

std::unique_ptr<http::CurlClient> MakeRegistryTransport(World& world) {
  http::CurlClient::Options options;
  options.stall_timeout = std::chrono::seconds(60);
  return std::make_unique<http::CurlClient>(world.loop, std::move(options));
}

}  // namespace wherry::cli
