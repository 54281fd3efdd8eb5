// Shows which table Services and EndpointSlices amount to.

#include "proxy/services/tracker.h"

#include "proto/api/core/v1.pb.h"
#include "proto/api/discovery/v1.pb.h"
#include "proto/api/meta/v1.pb.h"

#include <gtest/gtest.h>

namespace wherry::proxy::services {
namespace {

namespace core = api::core::v1;
namespace discovery = api::discovery::v1;

std::shared_ptr<core::Service> MakeService(const std::string& ip = "10.96.0.10") {
  auto service = std::make_shared<core::Service>();
  service->mutable_metadata()->set_namespace_("default");
  service->mutable_metadata()->set_name("web");
  service->mutable_spec()->set_type("ClusterIP");
  service->mutable_spec()->set_clusterip(ip);
  service->mutable_spec()->add_clusterips(ip);
  auto* port = service->mutable_spec()->add_ports();
  port->set_name("http");
  port->set_port(80);
  port->set_protocol("TCP");
  return service;
}

discovery::Endpoint& AddEndpoint(discovery::EndpointSlice& slice, const std::string& ip,
                                 bool ready = true, const std::string& node = "n1") {
  auto* endpoint = slice.add_endpoints();
  endpoint->add_addresses(ip);
  endpoint->mutable_conditions()->set_ready(ready);
  endpoint->set_nodename(node);
  return *endpoint;
}

std::shared_ptr<discovery::EndpointSlice> MakeSlice() {
  auto slice = std::make_shared<discovery::EndpointSlice>();
  slice->mutable_metadata()->set_namespace_("default");
  slice->mutable_metadata()->set_name("web-1");
  (*slice->mutable_metadata()->mutable_labels())["kubernetes.io/service-name"] = "web";
  slice->set_addresstype("IPv4");
  auto* port = slice->add_ports();
  port->set_name("http");
  port->set_port(8080);
  port->set_protocol("TCP");
  return slice;
}

TEST(TrackerTest, ClusterIpWithReadyEndpoints) {
  Tracker tracker("n1");
  tracker.SetService(MakeService());
  auto slice = MakeSlice();
  AddEndpoint(*slice, "10.244.0.2");
  AddEndpoint(*slice, "10.244.0.3");
  AddEndpoint(*slice, "10.244.0.4", false);
  tracker.SetEndpointSlice(slice);
  const Table table = tracker.Build();
  ASSERT_EQ(table.rules.size(), 1u);
  EXPECT_EQ(table.rules[0].service, "default/web:http");
  EXPECT_EQ(table.rules[0].backends, (std::vector<Backend>{{.ip = "10.244.0.2", .port = 8080},
                                                           {.ip = "10.244.0.3", .port = 8080}}));
}

TEST(TrackerTest, EndpointsFollowTheirSlice) {
  Tracker tracker("n1");
  tracker.SetService(MakeService());
  auto slice = MakeSlice();
  AddEndpoint(*slice, "10.244.0.2");
  tracker.SetEndpointSlice(slice);
  tracker.SetEndpointSlice(MakeSlice());
  EXPECT_TRUE(tracker.Build().rules[0].backends.empty());
  tracker.SetEndpointSlice(slice);
  EXPECT_EQ(tracker.Build().rules[0].backends.size(), 1u);
  tracker.RemoveEndpointSlice("default", "web-1");
  EXPECT_TRUE(tracker.Build().rules[0].backends.empty());
  tracker.RemoveService("default", "web");
  EXPECT_TRUE(tracker.Build().rules.empty());
}

TEST(TrackerTest, TerminatingEndpointsServeWhenNoneIsReady) {
  Tracker tracker("n1");
  tracker.SetService(MakeService());
  auto slice = MakeSlice();
  auto& leaving = AddEndpoint(*slice, "10.244.0.2", false);
  leaving.mutable_conditions()->set_serving(true);
  leaving.mutable_conditions()->set_terminating(true);
  tracker.SetEndpointSlice(slice);
  EXPECT_EQ(tracker.Build().rules[0].backends.size(), 1u);
  auto with_ready = std::make_shared<discovery::EndpointSlice>(*slice);
  AddEndpoint(*with_ready, "10.244.0.3");
  tracker.SetEndpointSlice(with_ready);
  EXPECT_EQ(tracker.Build().rules[0].backends,
            (std::vector<Backend>{{.ip = "10.244.0.3", .port = 8080}}));
}

TEST(TrackerTest, NodePortAndTrafficPolicyLocal) {
  Tracker tracker("n1");
  auto service = MakeService();
  service->mutable_spec()->set_type("NodePort");
  service->mutable_spec()->mutable_ports(0)->set_nodeport(30080);
  service->mutable_spec()->set_externaltrafficpolicy("Local");
  tracker.SetService(service);
  auto slice = MakeSlice();
  AddEndpoint(*slice, "10.244.1.2", true, "n2");
  tracker.SetEndpointSlice(slice);
  const Table table = tracker.Build();
  ASSERT_EQ(table.rules.size(), 2u);
  EXPECT_EQ(table.rules[0].frontend.kind, Frontend::Kind::kClusterIp);
  EXPECT_EQ(table.rules[0].backends.size(), 1u);
  EXPECT_EQ(table.rules[1].frontend.kind, Frontend::Kind::kNodePort);
  EXPECT_TRUE(table.rules[1].backends.empty());
  EXPECT_TRUE(table.rules[1].drop_when_empty);
  EXPECT_FALSE(table.rules[1].masquerade);
  EXPECT_EQ(table.rules[1].inside_backends.size(), 1u);
  EXPECT_TRUE(table.rules[0].inside_backends.empty());
}

TEST(TrackerTest, HealthChecksCountReadyPodsOfThisNode) {
  Tracker tracker("n1");
  auto service = MakeService();
  service->mutable_spec()->set_healthchecknodeport(32000);
  auto* second = service->mutable_spec()->add_ports();
  second->set_name("admin");
  second->set_port(81);
  second->set_protocol("TCP");
  tracker.SetService(service);
  EXPECT_EQ(tracker.HealthChecks(),
            (std::vector<HealthCheck>{{.port = 32000, .ns = "default", .name = "web"}}));
  auto slice = MakeSlice();
  auto* port = slice->add_ports();
  port->set_name("admin");
  port->set_port(8081);
  port->set_protocol("TCP");
  AddEndpoint(*slice, "10.244.0.2");
  AddEndpoint(*slice, "10.244.0.3", false);
  AddEndpoint(*slice, "10.244.1.2", true, "n2");
  tracker.SetEndpointSlice(slice);
  EXPECT_EQ(tracker.HealthChecks()[0].local_endpoints, 1);
}

TEST(TrackerTest, HeadlessExternalNameAndForeignProxiesAreNotOurs) {
  Tracker tracker("n1");
  tracker.SetService(MakeService("None"));
  EXPECT_TRUE(tracker.Build().rules.empty());
  auto external = MakeService("");
  external->mutable_spec()->clear_clusterips();
  external->mutable_spec()->set_type("ExternalName");
  tracker.SetService(external);
  EXPECT_TRUE(tracker.Build().rules.empty());
  auto foreign = MakeService();
  (*foreign->mutable_metadata()->mutable_labels())["service.kubernetes.io/service-proxy-name"] =
      "mesh";
  tracker.SetService(foreign);
  EXPECT_TRUE(tracker.Build().rules.empty());
}

TEST(TrackerTest, SourceRangesBindLoadBalancerAddressesOnly) {
  Tracker tracker("n1");
  auto service = MakeService();
  service->mutable_spec()->set_type("LoadBalancer");
  service->mutable_spec()->add_externalips("198.51.100.4");
  service->mutable_spec()->add_loadbalancersourceranges(" 203.0.113.9/24 ");
  service->mutable_spec()->add_loadbalancersourceranges("2001:db8::/64");
  service->mutable_status()->mutable_loadbalancer()->add_ingress()->set_ip("198.51.100.5");
  tracker.SetService(service);
  Table table = tracker.Build();
  ASSERT_EQ(table.rules.size(), 3u);
  EXPECT_FALSE(table.rules[0].source_ranges);
  EXPECT_FALSE(table.rules[1].source_ranges) << "externalIPs are nobody's load balancer";
  EXPECT_EQ(table.rules[2].frontend.ip, "198.51.100.5");
  EXPECT_TRUE(table.rules[2].Admits("203.0.113.200"));
  EXPECT_FALSE(table.rules[2].Admits("203.0.114.1"));

  service->mutable_spec()->mutable_loadbalancersourceranges()->DeleteSubrange(0, 1);
  tracker.SetService(service);
  EXPECT_FALSE(tracker.Build().rules[2].Admits("203.0.113.200")) << "IPv6 ranges only";
}

TEST(TrackerTest, ExternalAddressesDoNotTakeTheClustersOwn) {
  Tracker tracker("n1");
  auto dns = MakeService("10.96.0.53");
  dns->mutable_metadata()->set_name("dns");
  tracker.SetService(dns);
  auto slice = MakeSlice();
  AddEndpoint(*slice, "10.244.0.2");
  tracker.SetEndpointSlice(slice);
  auto thief = MakeService();
  thief->mutable_spec()->set_type("LoadBalancer");
  for (const char* ip : {"10.96.0.53", "10.244.0.2", "198.51.100.4"}) {
    thief->mutable_spec()->add_externalips(ip);
    thief->mutable_status()->mutable_loadbalancer()->add_ingress()->set_ip(ip);
  }
  tracker.SetService(thief);
  for (const Rule& rule : tracker.Build().rules) {
    if (rule.frontend.kind != Frontend::Kind::kExternalIp) continue;
    EXPECT_EQ(rule.frontend.ip, "198.51.100.4");
  }
}

TEST(SourceRangeTest, ParsesWhatIptablesTakes) {
  EXPECT_EQ(SourceRange::Parse("10.1.2.3/8")->ToString(), "10.0.0.0/8");
  EXPECT_EQ(SourceRange::Parse("0.0.0.0/0")->ToString(), "0.0.0.0/0");
  EXPECT_TRUE(SourceRange::Parse("0.0.0.0/0")->Contains("255.255.255.255"));
  for (const char* bad : {"", "/", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
                          "10.0.0/8", "10.0.0.0/8x", "::/0", "10.0.0.0/8 -j ACCEPT"}) {
    EXPECT_FALSE(SourceRange::Parse(bad)) << bad;
  }
}

TEST(TrackerTest, AffinityTimeout) {
  Tracker tracker("n1");
  auto service = MakeService();
  service->mutable_spec()->set_sessionaffinity("ClientIP");
  tracker.SetService(service);
  EXPECT_EQ(tracker.Build().rules[0].affinity_seconds, 10800);
}

}  // namespace
}  // namespace wherry::proxy::services
