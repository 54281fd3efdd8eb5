#pragma once

#include "lib/http/message.h"
#include "lib/loop/loop.h"

#include <map>
#include <memory>
#include <string>

namespace wherry::apiserver::nodeconnect {

// How the API server reaches the nodes' agents: over the kubelet's HTTPS API, with a client
// certificate, or directly when the agent runs in this process. And how it reaches what it proxies
// to.
//
// Loop thread. Connections to a node are made at first use and kept.
// Source: the paths of pkg/kubelet/server (/containerLogs, /exec, /attach, /portForward).
class NodeConnections {
 public:
  struct Options {
    std::string ca_pem;  // of the nodes' serving certificates; empty: no node is connected to
    std::string certificate_pem;
    std::string key_pem;
  };
  NodeConnections(Loop& loop, Options options);
  ~NodeConnections();

  // The agent of node `name` runs in this process; it outlives this object or is taken away again.
  void RegisterLocal(std::string name, http::RoundTripper& agent);
  void UnregisterLocal(const std::string& name);

  // `port` is the node's status.daemonEndpoints' kubeletEndpoint. What it gives can upgrade when
  // `address` is an IP address; hold it while a request runs. A node has one connection, to the
  // address it was last asked for with. Errors: kServiceUnavailable when there is neither agent nor
  // address, or no CA by which to know the node.
  Result<std::shared_ptr<http::RoundTripper>> For(const std::string& name,
                                                  const std::string& address, int32_t port);
  // The Node is gone.
  void Forget(const std::string& name) { remote_.erase(name); }
  size_t size() const { return remote_.size(); }
  // What this server shows to nodes from now on; requests that run go on.
  void SetClientCertificate(std::string certificate_pem, std::string key_pem);

  // To what a target names in full ("http://10.244.0.7:80/x"): pods, and other servers of nodes.
  // Their certificates are not checked, ours is not shown, redirects are not followed.
  http::RoundTripper& Proxied();
  // Instead of real connections; it outlives this object.
  void SetProxied(http::RoundTripper& transport) { proxied_ = &transport; }

 private:
  Loop& loop_;
  Options options_;
  std::map<std::string, http::RoundTripper*> local_;
  struct Remote {
    std::string url;
    std::shared_ptr<http::RoundTripper> transport;
  };
  std::map<std::string, Remote> remote_;  // by the Node's name
  std::unique_ptr<http::RoundTripper> own_proxied_;
  http::RoundTripper* proxied_ = nullptr;
};

}  // namespace wherry::apiserver::nodeconnect
