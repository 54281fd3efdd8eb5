#pragma once

#include "lib/http/message.h"
#include "lib/loop/world.h"
#include "nodeagent/streaming/port_forward.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace wherry::nodeagent::streaming {

// Forwards one connection for each of `ports` over WebSocket messages: channel 2i carries the data
// of port i, channel 2i+1 its error; the first message on each is the port's number, little endian.
// The first byte of a message is the channel: a number, or in base64 its digit.
// Source: kubelet cri/streaming/portforward/websocket.go.
std::unique_ptr<http::UpgradeHandler> MakeChannelPortForward(World& world,
                                                             std::vector<uint16_t> ports,
                                                             bool base64, std::string pod,
                                                             ConnectToPort connect);

}  // namespace wherry::nodeagent::streaming
