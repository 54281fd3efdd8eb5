#pragma once

#include <string>
#include <vector>

namespace wherry::api::core::v1 {
class Pod;
}

// The three files that every container finds in /etc. Pure, any thread.
namespace wherry::nodeagent::volumes {

// The pod's host name (at most 63 bytes) and, with spec.subdomain, its domain
// "<subdomain>.<namespace>.svc.<cluster domain>". Source: kubelet GeneratePodHostNameAndDomain.
struct HostName {
  std::string hostname;
  std::string domain;
};
HostName PodHostName(const api::core::v1::Pod& pod, const std::string& node_hostname,
                     const std::string& cluster_domain);

// /etc/hosts of a pod with a network of its own, and of one in the node's (`node_hosts` is then the
// node's own file); spec.hostAliases follow. Source: kubelet managedHostsFileContent.
std::string HostsFile(const api::core::v1::Pod& pod, const std::vector<std::string>& pod_ips,
                      const HostName& name);
std::string HostNetworkHostsFile(const api::core::v1::Pod& pod, const std::string& node_hosts);

struct ResolverConfig {
  std::string cluster_dns;       // "" when the cluster has none
  std::string cluster_domain;    // "cluster.local"
  std::string node_resolv_conf;  // content of the node's file
};
// /etc/resolv.conf by spec.dnsPolicy and spec.dnsConfig: at most 3 name servers and 32 search
// domains. Source: kubelet network/dns.
std::string ResolvConf(const api::core::v1::Pod& pod, const ResolverConfig& config);

}  // namespace wherry::nodeagent::volumes
