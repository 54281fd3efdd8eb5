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

Result<std::shared_ptr<http::RoundTripper>> NodeConnections::For(const std::string& name,
                                                                 const std::string& address,
                                                                 int32_t port) {
  if (auto local = local_.find(name); local != local_.end()) {
    return std::shared_ptr<http::RoundTripper>(std::shared_ptr<void>(), local->second);
  }
  if (address.empty() || port == 0) {
    return MakeError(Reason::kServiceUnavailable,
                     "node \"" + name + "\" has no address or no kubelet endpoint");
  }
  if (options_.ca_pem.empty()) {
    return MakeError(Reason::kServiceUnavailable,
                     "this server has no CA by which to know node \"" + name + "\"");
  }
  bool ipv6 = address.find(':') != std::string::npos;
  std::string url =
      "https://" + (ipv6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
  Remote& remote = remote_[name];
  if (remote.url == url) return remote.transport;
  http::CurlClient::Options options;
  options.base_url = url;
  options.tls.ca_pem = options_.ca_pem;
  options.tls.certificate_pem = options_.certificate_pem;
  options.tls.key_pem = options_.key_pem;
  options.timeout = std::chrono::milliseconds::zero();
  remote.url = std::move(url);
  remote.transport = std::make_shared<http::UpgradingClient>(loop_, std::move(options));
  return remote.transport;
}

void NodeConnections::SetClientCertificate(std::string certificate_pem, std::string key_pem) {
  options_.certificate_pem = std::move(certificate_pem);
  options_.key_pem = std::move(key_pem);
  remote_.clear();
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
