#pragma once

#include "proxy/services/table.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wherry::api::core::v1 {
class Service;
}
namespace wherry::api::discovery::v1 {
class EndpointSlice;
}

namespace wherry::proxy::services {

// Turns Services and EndpointSlices into the desired Table. Pure: no clock, no kernel, no network.
//
// Rules as upstream's kube-proxy: ready endpoints are used; when none is ready, those that still
// serve while they terminate (KEP-1669); traffic policies Local keep to endpoints of this node;
// services of type ExternalName, headless ones and those that carry
// service.kubernetes.io/service-proxy-name are not ours. IPv4.
//
// Beyond upstream: externalIPs and load balancer addresses that are a cluster IP of another Service
// or the address of an endpoint are left out, since whoever may create Services could take the
// cluster's own traffic with them (CVE-2020-8554); and source ranges without any of IPv4 admit no
// IPv4 client, where upstream then admits all.
class Tracker {
 public:
  explicit Tracker(std::string node_name) : node_name_(std::move(node_name)) {}

  void SetService(std::shared_ptr<const api::core::v1::Service> service);
  void RemoveService(std::string_view ns, std::string_view name);
  void SetEndpointSlice(std::shared_ptr<const api::discovery::v1::EndpointSlice> slice);
  void RemoveEndpointSlice(std::string_view ns, std::string_view name);

  Table Build() const;
  // For the Services with a healthCheckNodePort.
  std::vector<HealthCheck> HealthChecks() const;

 private:
  using Key = std::pair<std::string, std::string>;  // namespace, name
  using Slices =
      std::map<std::string,
               std::shared_ptr<const api::discovery::v1::EndpointSlice>>;  // by slice name

  using Addresses = std::set<std::string>;

  void AddRules(const api::core::v1::Service& service, const Slices* slices,
                const Addresses& of_the_cluster, Table& table) const;
  // What Services and endpoints have; empty while nobody asks for external addresses.
  Addresses AddressesOfTheCluster() const;

  std::string node_name_;
  std::map<Key, std::shared_ptr<const api::core::v1::Service>> services_;
  std::map<Key, Slices> slices_;                 // by the service they belong to
  std::map<Key, std::string> service_of_slice_;  // by the slice
};

}  // namespace wherry::proxy::services
