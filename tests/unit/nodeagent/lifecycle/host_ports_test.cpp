// Shows which ports of a pod the runtime is asked to map.

#include "nodeagent/lifecycle/container_config.h"
#include "nodeagent/lifecycle/node_config.h"
#include "proto/api/core/v1.pb.h"

#include <gtest/gtest.h>

namespace wherry::nodeagent::lifecycle {
namespace {

api::core::v1::Pod MakePod() {
  api::core::v1::Pod pod;
  pod.mutable_metadata()->set_uid("u");
  auto& container = *pod.mutable_spec()->add_containers();
  container.add_ports()->set_containerport(80);
  auto& tcp = *container.add_ports();
  tcp.set_containerport(80);
  tcp.set_hostport(8080);
  tcp.set_hostip("127.0.0.1");
  tcp.set_protocol("TCP");
  auto& udp = *pod.mutable_spec()->add_containers()->add_ports();
  udp.set_containerport(53);
  udp.set_hostport(5353);
  udp.set_hostip("0.0.0.0");
  udp.set_protocol("UDP");
  return pod;
}

TEST(HostPortsOfPods, EveryContainersPortsAreMapped) {
  const auto ports = PlanSandbox(MakePod(), {}).host_ports;
  ASSERT_EQ(ports.size(), 2u);
  EXPECT_EQ(
      ports[0],
      (network::PortMapping{
          .protocol = "tcp", .host_ip = "127.0.0.1", .host_port = 8080, .container_port = 80}));
  EXPECT_EQ(ports[1],
            (network::PortMapping{.protocol = "udp", .host_port = 5353, .container_port = 53}));
}

TEST(HostPortsOfPods, PodsInTheNodesNetworkNeedNone) {
  auto pod = MakePod();
  pod.mutable_spec()->set_hostnetwork(true);
  EXPECT_TRUE(PlanSandbox(pod, {}).host_ports.empty());
}

TEST(HostPortsOfPods, AddressesOfTheOtherFamilyAreNone) {
  auto pod = MakePod();
  pod.mutable_spec()->mutable_containers(0)->mutable_ports(1)->set_hostip("::1");
  EXPECT_EQ(PlanSandbox(pod, {}).host_ports.size(), 1u);
}

}  // namespace
}  // namespace wherry::nodeagent::lifecycle
