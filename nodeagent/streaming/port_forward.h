#pragma once

#include "lib/base/result.h"
#include "lib/http/message.h"
#include "lib/loop/task.h"
#include "lib/loop/world.h"
#include "nodeagent/runtime/runtime.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

// kubectl port-forward's conversation: connections to ports of a pod, each a pair of a data and an
// error stream, over one connection. Source: kubelet cri/streaming/portforward, client-go
// tools/portforward.
namespace wherry::nodeagent::streaming {

using ConnectToPort =
    std::function<Task<Result<std::unique_ptr<runtime::PodConnection>>>(uint16_t port)>;

// The 101 response that leads into the conversation: over SPDY/3.1, over SPDY inside of a WebSocket
// ("SPDY/3.1+portforward.k8s.io"), or over a WebSocket with a pair of channels for each port of the
// query's "port" ("v4.channel.k8s.io", "v4.base64.channel.k8s.io").
// Errors: kBadRequest when the request asks for no upgrade that is spoken here.
Result<http::Response> UpgradeToPortForward(World& world, const http::Request& request,
                                            std::string pod, ConnectToPort connect);

}  // namespace wherry::nodeagent::streaming
