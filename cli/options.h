#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
}

// The flags that several commands share. Every flag can stand in the YAML file of --config under
// the same name
// ("data-dir: /var/lib/wherry"); flags win over the file.
namespace wherry::cli {

struct ProcessOptions {
  std::string data_dir = "/var/lib/wherry";
  std::string log_level = "info";
};

struct ServerOptions {
  std::string bind_address = "0.0.0.0";
  // What clients and nodes are told; "" is bind_address, or the first address of the host when that
  // is 0.0.0.0.
  std::string advertise_address;
  uint16_t https_port = 6443;
  std::string service_cidr = "10.96.0.0/16";
  std::string pod_cidr = "10.244.0.0/16";  // each node gets a /24 of it
};

struct NodeOptions {
  std::string node_name;  // "" is the host's name
  std::string node_ip;    // "" is that towards the server, else the first of the host
  uint16_t kubelet_port = 10250;
  std::vector<std::string> insecure_registries;  // "HOST:PORT" spoken to in plain http
  std::string proxy_mode = "auto";               // "auto", "iptables", "userspace"
  bool iptables_localhost_nodeports = true;
  int64_t pod_max_pids = 4096;  // processes and threads of one pod; -1: no limit
  std::vector<std::string> allowed_unsafe_sysctls;
};

void AddLogLevelOption(CLI::App& command, std::string& log_level);
void AddProxyOptions(CLI::App& command, NodeOptions& options);
void AddProcessOptions(CLI::App& command, ProcessOptions& options);
void AddServerOptions(CLI::App& command, ServerOptions& options);
void AddNodeOptions(CLI::App& command, NodeOptions& options);

}  // namespace wherry::cli
