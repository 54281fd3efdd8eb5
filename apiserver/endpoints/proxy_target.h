#pragma once

#include "apiserver/endpoints/endpoint.h"

#include <memory>
#include <string>
#include <string_view>

// Where the proxy subresources of pods, services and nodes lead.
// Source: pkg/registry/core/{pod,service,node} (ResourceLocation), apimachinery pkg/util/net
// (SplitSchemeNamePort).
namespace wherry::apiserver::endpoints {

// "[scheme:]name[:port]", as a proxied object is named.
struct ProxyName {
  std::string scheme;  // "", "http" or "https"
  std::string name;
  std::string port;  // a number, or a service port's name
};
// `kind` ("pod") is for the message. Errors: kBadRequest.
Result<ProxyName> ParseProxyName(std::string_view text, std::string_view kind);

struct ProxyTarget {
  http::RoundTripper* transport = nullptr;
  std::shared_ptr<http::RoundTripper> agent;  // holds `transport` when that is a node's agent
  std::string origin;     // "http://10.244.0.7:80"; "" for a node's agent, which `transport` knows
  std::string authority;  // "10.244.0.7:80"
  bool is_agent = false;
};
// `name` is the {name} of the path. Errors: kBadRequest when it does not parse or the address must
// not be asked, kNotFound, kServiceUnavailable when nobody is there to ask.
Result<ProxyTarget> FindProxyTarget(Environment& environment, const Resource& resource,
                                    std::string_view ns, std::string_view name);

// Whether requests may be carried to `ip`: an address in its plain form that is not this machine's
// own (loopback, unspecified), link-local, multicast or broadcast.
bool IsProxyableAddress(const std::string& ip);

}  // namespace wherry::apiserver::endpoints
