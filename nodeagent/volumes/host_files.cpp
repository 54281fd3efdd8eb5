#include "nodeagent/volumes/host_files.h"

#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <sstream>

namespace wherry::nodeagent::volumes {

namespace {

using api::core::v1::Pod;

constexpr size_t kHostNameBytesMax = 63;
constexpr size_t kNameServersMax = 3;
constexpr size_t kSearchesMax = 32;

std::string Aliases(const Pod& pod) {
  if (pod.spec().hostaliases_size() == 0) return "";
  std::string text = "\n# Entries added by HostAliases.\n";
  for (const auto& alias : pod.spec().hostaliases()) {
    text += alias.ip() + "\t";
    for (int i = 0; i < alias.hostnames_size(); ++i)
      text += (i > 0 ? "\t" : "") + alias.hostnames(i);
    text += "\n";
  }
  return text;
}

struct Resolver {
  std::vector<std::string> servers;
  std::vector<std::string> searches;
  std::vector<std::string> options;
};

Resolver Parse(const std::string& text) {
  Resolver resolver;
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string keyword;
    words >> keyword;
    std::vector<std::string> values;
    std::string word;
    while (words >> word) values.push_back(word);
    if (keyword == "nameserver" && !values.empty()) resolver.servers.push_back(values[0]);
    if (keyword == "search") resolver.searches = values;
    if (keyword == "options") resolver.options = values;
  }
  return resolver;
}

void AddMissing(std::vector<std::string>* list, const std::string& value) {
  if (std::find(list->begin(), list->end(), value) == list->end()) list->push_back(value);
}

// An option replaces one of the same name: "ndots:2" replaces "ndots:5".
void AddOption(std::vector<std::string>* options, const std::string& name,
               const std::string& value) {
  const std::string text = value.empty() ? name : name + ":" + value;
  for (auto& existing : *options) {
    if (existing.substr(0, existing.find(':')) != name) continue;
    existing = text;
    return;
  }
  options->push_back(text);
}

}  // namespace

HostName PodHostName(const Pod& pod, const std::string& node_hostname,
                     const std::string& cluster_domain) {
  HostName name;
  name.hostname = pod.metadata().name();
  if (!pod.spec().hostname().empty()) name.hostname = pod.spec().hostname();
  if (pod.spec().hostnetwork() && pod.spec().hostname().empty()) name.hostname = node_hostname;
  if (name.hostname.size() > kHostNameBytesMax) {
    name.hostname.resize(kHostNameBytesMax);
    while (name.hostname.ends_with('-') || name.hostname.ends_with('.')) name.hostname.pop_back();
  }
  if (!pod.spec().subdomain().empty())
    name.domain =
        pod.spec().subdomain() + "." + pod.metadata().namespace_() + ".svc." + cluster_domain;
  return name;
}

std::string HostsFile(const Pod& pod, const std::vector<std::string>& pod_ips,
                      const HostName& name) {
  std::string text =
      "# Kubernetes-managed hosts file.\n"
      "127.0.0.1\tlocalhost\n"
      "::1\tlocalhost ip6-localhost ip6-loopback\n"
      "fe00::0\tip6-localnet\n"
      "fe00::0\tip6-mcastprefix\n"
      "fe00::1\tip6-allnodes\n"
      "fe00::2\tip6-allrouters\n";
  for (const auto& ip : pod_ips) {
    text += ip + "\t";
    if (!name.domain.empty()) text += name.hostname + "." + name.domain + "\t";
    text += name.hostname + "\n";
  }
  return text + Aliases(pod);
}

std::string HostNetworkHostsFile(const Pod& pod, const std::string& node_hosts) {
  return "# Kubernetes-managed hosts file (host network).\n" + node_hosts + Aliases(pod);
}

std::string ResolvConf(const Pod& pod, const ResolverConfig& config) {
  const Resolver node = Parse(config.node_resolv_conf);
  Resolver resolver;
  std::string policy = pod.spec().dnspolicy();
  if (policy == "ClusterFirst" && pod.spec().hostnetwork()) policy = "Default";
  const bool cluster =
      policy.empty() || policy == "ClusterFirst" || policy == "ClusterFirstWithHostNet";
  if (cluster && !config.cluster_dns.empty()) {
    resolver.servers = {config.cluster_dns};
    const std::string& domain = config.cluster_domain;
    if (!domain.empty())
      resolver.searches = {pod.metadata().namespace_() + ".svc." + domain, "svc." + domain, domain};
    for (const auto& search : node.searches) AddMissing(&resolver.searches, search);
    resolver.options = {"ndots:5"};
  } else if (policy != "None") {
    resolver = node;
  }
  const auto& extra = pod.spec().dnsconfig();
  for (const auto& server : extra.nameservers()) AddMissing(&resolver.servers, server);
  for (const auto& search : extra.searches()) AddMissing(&resolver.searches, search);
  for (const auto& option : extra.options())
    AddOption(&resolver.options, option.name(), option.value());

  if (resolver.servers.size() > kNameServersMax) resolver.servers.resize(kNameServersMax);
  if (resolver.searches.size() > kSearchesMax) resolver.searches.resize(kSearchesMax);
  std::string text;
  auto append = [&text](const char* keyword, const std::vector<std::string>& words) {
    if (words.empty()) return;
    text += keyword;
    for (const auto& word : words) text += " " + word;
    text += "\n";
  };
  append("search", resolver.searches);
  for (const auto& server : resolver.servers) text += "nameserver " + server + "\n";
  append("options", resolver.options);
  return text;
}

}  // namespace wherry::nodeagent::volumes
