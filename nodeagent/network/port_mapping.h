#pragma once

#include <cstdint>
#include <string>

namespace wherry::nodeagent::network {

// A port of the node that leads to one of a pod (hostPort).
struct PortMapping {
  std::string protocol;  // "tcp", "udp", "sctp"
  std::string host_ip;   // "": every address of the node
  uint16_t host_port = 0;
  uint16_t container_port = 0;
  bool operator==(const PortMapping&) const = default;
};

}  // namespace wherry::nodeagent::network
