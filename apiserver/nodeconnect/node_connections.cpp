#include "apiserver/nodeconnect/node_connections.h"

#include "lib/http/upgrading_client.h"

namespace wherry::apiserver::nodeconnect {

NodeConnections::NodeConnections(Loop& loop, Options options)
    : loop_(loop), options_(std::move(options)) {}
NodeConnections::~NodeConnections() = default;

void NodeConnections::RegisterLocal(std::string name, http::RoundTripper& agent) {
  local_[std::move(name)] = &agent;
}

void NodeConnections::UnregisterLocal(const std::string& name) { local_.erase(name); }

Result<http::RoundTripper*> NodeConnections::For(const std::string& name,
                                                 const std::string& address, int32_t port) {
  if (auto local = local_.find(name); local != local_.end()) return local->second;
  if (address.empty() || port == 0) {
    return MakeError(Reason::kServiceUnavailable,
                     "node \"" + name + "\" has no address or no kubelet endpoint");
  }
  bool ipv6 = address.find(':') != std::string::npos;
  std::string url =
      "https://" + (ipv6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
  std::unique_ptr<http::RoundTripper>& remote = remote_[url];
  if (!remote) {
    http::CurlClient::Options options;
    options.base_url = url;
    options.tls.ca_pem = options_.ca_pem;
    options.tls.insecure = options_.ca_pem.empty();
    options.tls.certificate_pem = options_.certificate_pem;
    options.tls.key_pem = options_.key_pem;
    options.timeout = std::chrono::milliseconds::zero();
    remote = std::make_unique<http::UpgradingClient>(loop_, std::move(options));
  }
  return remote.get();
}

http::RoundTripper& NodeConnections::Proxied() {
  if (proxied_ == nullptr) {
    http::CurlClient::Options options;
    options.tls.insecure = true;  // pods' certificates are not of the cluster's CA
    options.timeout = std::chrono::milliseconds::zero();
    own_proxied_ = std::make_unique<http::UpgradingClient>(loop_, std::move(options));
    proxied_ = own_proxied_.get();
  }
  return *proxied_;
}

}  // namespace wherry::apiserver::nodeconnect
