#pragma once

#include "apiserver/endpoints/endpoint.h"

#include <memory>
#include <string>
#include <string_view>

namespace wherry::api::core::v1 {
class Pod;
}

namespace wherry::apiserver::endpoints {

// The container that a request on a pod means: the one it names, or the only one.
// Errors: kBadRequest, listing the choices. Source: pkg/registry/core/pod (LogLocation).
Result<std::string> ContainerOf(const api::core::v1::Pod& pod, std::string_view asked);

// "/containerLogs/default/web/c": a container in the kubelet's API.
std::string KubeletPath(std::string_view verb, const api::core::v1::Pod& pod,
                        const std::string& container);

// Where a node's agent listens; an empty address and port 0 are unknown. Errors: kNotFound.
struct NodeAddress {
  std::string ip;
  int32_t kubelet_port = 0;
};
Result<NodeAddress> AddressOfNode(Environment& environment, std::string_view node_name);

// The agent of a node; hold it while a request runs. Errors: kServiceUnavailable.
Result<std::shared_ptr<http::RoundTripper>> AgentOf(Environment& environment,
                                                    const std::string& node_name);

// A request to an agent, in this server's own name.
http::Request AgentRequest(std::string method, std::string target);
// What an agent that refuses says.
Task<Error> AgentError(http::Response response);

}  // namespace wherry::apiserver::endpoints
