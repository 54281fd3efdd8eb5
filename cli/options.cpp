#include "cli/options.h"

#include <CLI/CLI.hpp>

namespace wherry::cli {

void AddLogLevelOption(CLI::App& command, std::string& log_level) {
  command.add_option("--log-level", log_level, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
}

void AddProxyOptions(CLI::App& command, NodeOptions& options) {
  command
      .add_option("--proxy-mode", options.proxy_mode,
                  "how Services are implemented: auto, iptables or userspace")
      ->check(CLI::IsMember({"auto", "iptables", "userspace"}))
      ->capture_default_str();
  command
      .add_option("--iptables-localhost-nodeports", options.iptables_localhost_nodeports,
                  "node ports answer on 127.0.0.1 in iptables mode, which sets route_localnet")
      ->capture_default_str();
}

void AddProcessOptions(CLI::App& command, ProcessOptions& options) {
  command.add_option("--data-dir", options.data_dir, "where all state lies")->capture_default_str();
  AddLogLevelOption(command, options.log_level);
  command.set_config("--config", "", "a YAML file with the flags' names as keys");
}

void AddServerOptions(CLI::App& command, ServerOptions& options) {
  command.add_option("--bind-address", options.bind_address, "IPv4 address to listen on")
      ->check(CLI::ValidIPV4)
      ->capture_default_str();
  command
      .add_option(
          "--advertise-address", options.advertise_address,
          "IPv4 address that clients and nodes use (default: the bind address, else the host's "
          "first)")
      ->check(CLI::ValidIPV4);
  command.add_option("--https-port", options.https_port, "port of the API")
      ->check(CLI::Range(1, 65535))
      ->capture_default_str();
  command.add_option("--service-cidr", options.service_cidr, "where ClusterIPs come from")
      ->capture_default_str();
  command
      .add_option("--pod-cidr", options.pod_cidr, "where pod IPs come from; each node gets a /24")
      ->capture_default_str();
}

void AddNodeOptions(CLI::App& command, NodeOptions& options) {
  command.add_option("--node-name", options.node_name,
                     "name of the Node object (default: the host's name)");
  command.add_option(
      "--node-ip", options.node_ip,
      "the node's address (default: the one from which the server is reached, or the "
      "host's first)");
  command.add_option("--kubelet-port", options.kubelet_port, "port of the node's own API")
      ->capture_default_str();
  command.add_option("--insecure-registry", options.insecure_registries,
                     "HOST:PORT of a registry spoken to in plain http (repeatable)");
  command
      .add_option("--pod-max-pids", options.pod_max_pids,
                  "most processes and threads of one pod; -1 is no limit")
      ->capture_default_str();
  command
      .add_option("--allowed-unsafe-sysctls", options.allowed_unsafe_sysctls,
                  "sysctls that pods may set beside the safe ones, as \"net.core.*\"")
      ->delimiter(',');
  AddProxyOptions(command, options);
}

}  // namespace wherry::cli
