#include "nodeagent/init/pod_network.h"

#include <unistd.h>

#include <cerrno>

namespace wherry::nodeagent::init {
namespace {

constexpr int kLoopbackIndex = 1;
constexpr const char* kPodInterface = "eth0";

}  // namespace

Status SetUpPodNetwork(const NetworkSpec& network, linux::RouteSocket& host) {
  TRY(linux::RouteSocket pod, linux::RouteSocket::Open());
  TRY_STATUS(pod.SetUp(kLoopbackIndex));
  if (static_cast<NetworkMode>(network.mode) != NetworkMode::kBridge) return Ok();

  TRY(linux::Ipv4Prefix address, linux::ParseIpv4Prefix(network.address));
  TRY(linux::Ipv4 gateway, linux::ParseIpv4(network.gateway));
  linux::VethOptions veth{.name = network.host_interface,
                          .master = network.bridge_index,
                          .peer_name = kPodInterface,
                          .peer_pid = ::getpid(),
                          .mtu = network.mtu,
                          .mac = {}};
  if (network.mac.size() != veth.mac.size())
    return MakeError(Reason::kInvalid, "broken MAC address");
  for (size_t i = 0; i < veth.mac.size(); ++i) veth.mac[i] = static_cast<uint8_t>(network.mac[i]);
  // The pair is made in one message, with one end in here from its first moment.
  auto added = host.AddVeth(veth);
  if (!added.ok() && added.error().os_errno == EEXIST) {
    // Of a pod that has gone with its namespace, which the kernel has not come to yet.
    TRY_STATUS(host.DeleteLink(network.host_interface));
    added = host.AddVeth(veth);
  }
  TRY_STATUS(std::move(added));
  TRY(linux::LinkInfo port, host.Link(network.host_interface));
  TRY_STATUS(host.IsolatePort(port.index));

  TRY(linux::LinkInfo eth0, pod.Link(kPodInterface));
  TRY_STATUS(pod.AddAddress(eth0.index, address));
  TRY_STATUS(pod.SetUp(eth0.index));
  // The only neighbour is the gateway: what goes to other pods passes the node's routing, where the
  // addresses of Services are rewritten, and so do the answers.
  TRY_STATUS(pod.ReplaceRoute(linux::Ipv4Prefix{.address = gateway}, std::nullopt, eth0.index));
  return pod.ReplaceRoute(linux::Ipv4Prefix{.length = 0}, gateway, eth0.index);
}

}  // namespace wherry::nodeagent::init
