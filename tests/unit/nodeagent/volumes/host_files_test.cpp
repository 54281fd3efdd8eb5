#include "nodeagent/volumes/host_files.h"

#include "lib/api/codec.h"
#include "proto/api/core/v1.pb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wherry::nodeagent::volumes {
namespace {

using ::testing::HasSubstr;

api::core::v1::Pod PodFrom(const std::string& spec) {
  api::core::v1::Pod pod;
  const std::string text = R"({"metadata":{"name":"web","namespace":"shop"},"spec":)" + spec + "}";
  EXPECT_TRUE(api::FromJson(text, &pod).ok());
  return pod;
}

const ResolverConfig kResolver{
    .cluster_dns = "10.96.0.10",
    .cluster_domain = "cluster.local",
    .node_resolv_conf = "# by hand\nnameserver 9.9.9.9\nsearch lan\noptions edns0\n"};

TEST(HostFilesTest, ResolvConfByPolicy) {
  EXPECT_EQ(ResolvConf(PodFrom(R"({"dnsPolicy":"ClusterFirst"})"), kResolver),
            "search shop.svc.cluster.local svc.cluster.local cluster.local lan\n"
            "nameserver 10.96.0.10\noptions ndots:5\n");
  EXPECT_EQ(ResolvConf(PodFrom(R"({"dnsPolicy":"Default"})"), kResolver),
            "search lan\nnameserver 9.9.9.9\noptions edns0\n");
  EXPECT_EQ(ResolvConf(PodFrom(R"({"dnsPolicy":"ClusterFirst","hostNetwork":true})"), kResolver),
            "search lan\nnameserver 9.9.9.9\noptions edns0\n");
  EXPECT_EQ(ResolvConf(PodFrom(R"({"dnsPolicy":"None","dnsConfig":{"nameservers":["1.1.1.1"],
                "searches":["resolv.conf.local"],"options":[{"name":"ndots","value":"2"}]}})"),
                       kResolver),
            "search resolv.conf.local\nnameserver 1.1.1.1\noptions ndots:2\n");
  EXPECT_THAT(ResolvConf(PodFrom(R"({"dnsPolicy":"ClusterFirst","dnsConfig":{
                "options":[{"name":"ndots","value":"2"}]}})"),
                         kResolver),
              HasSubstr("options ndots:2\n"));
}

TEST(HostFilesTest, HostsNameThePodAndItsAliases) {
  const auto pod = PodFrom(
      R"({"hostname":"h","subdomain":"sub","hostAliases":[{"ip":"1.2.3.4","hostnames":["a","b"]}]})");
  const std::string hosts = HostsFile(pod, {"10.0.0.2"}, PodHostName(pod, "node", "cluster.local"));
  EXPECT_THAT(hosts, HasSubstr("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n"));
  EXPECT_THAT(hosts, HasSubstr("\n10.0.0.2\th.sub.shop.svc.cluster.local\th\n"));
  EXPECT_THAT(hosts, HasSubstr("# Entries added by HostAliases.\n1.2.3.4\ta\tb\n"));
  EXPECT_THAT(HostNetworkHostsFile(PodFrom("{}"), "127.0.0.1 me\n"),
              HasSubstr("(host network).\n127.0.0.1 me\n"));
}

TEST(HostFilesTest, HostNamesAreAtMost63Bytes) {
  api::core::v1::Pod pod;
  pod.mutable_metadata()->set_name(std::string(62, 'x') + "-y");
  EXPECT_EQ(PodHostName(pod, "node", "d").hostname, std::string(62, 'x'));
  pod.mutable_spec()->set_hostnetwork(true);
  EXPECT_EQ(PodHostName(pod, "node", "d").hostname, "node");
}

}  // namespace
}  // namespace wherry::nodeagent::volumes
