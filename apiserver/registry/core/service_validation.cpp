#include "apiserver/registry/core/service_validation.h"

#include "apiserver/registry/core/name_set.h"
#include "apiserver/registry/core/pod_validation_parts.h"
#include "apiserver/registry/core/selector_validation.h"
#include "apiserver/registry/core/service_fields.h"
#include "lib/api/validation.h"
#include "proto/api/core/v1.pb.h"

#include <set>

namespace wherry::apiserver::registry {

using api::core::v1::Service;
using api::core::v1::ServicePort;
using api::core::v1::ServiceSpec;

namespace {

constexpr std::string_view kTypes[] = {"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"};
constexpr std::string_view kAffinities[] = {"ClientIP", "None"};
constexpr std::string_view kTrafficPolicies[] = {"Cluster", "Local"};
constexpr int32_t kAffinitySecondsMax = 86400;
constexpr int32_t kKubeletPort = 10250;
constexpr std::string_view kOnlyLoadBalancer = "may only be used when `type` is 'LoadBalancer'";

void ValidateExternalName(const ServiceSpec& spec, const FieldPath& path, ErrorList& errors) {
  constexpr std::string_view kNot = "may not be set for ExternalName services";
  if (spec.clusterips_size() > 0) errors.Forbidden(path.Child("clusterIPs"), kNot);
  if (spec.ipfamilies_size() > 0) errors.Forbidden(path.Child("ipFamilies"), kNot);
  if (spec.has_ipfamilypolicy()) errors.Forbidden(path.Child("ipFamilyPolicy"), kNot);
  std::string_view name = spec.externalname();
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty()) return errors.Required(path.Child("externalName"));
  CheckDNS1123Subdomain(errors, path.Child("externalName"), name);
}

void ValidateTypeRules(const Service& service, const FieldPath& path, ErrorList& errors) {
  const ServiceSpec& spec = service.spec();
  if (spec.type() == "ExternalName") return ValidateExternalName(spec, path, errors);
  if (spec.ports_size() == 0 && !IsHeadless(service)) errors.Required(path.Child("ports"));
  if (!NeedsNodePort(service)) return;
  for (int i = 0; i < spec.ports_size(); ++i) {
    if (spec.type() == "LoadBalancer" && spec.ports(i).port() == kKubeletPort) {
      errors.Invalid(path.Child("ports").Index(i), kKubeletPort,
                     "may not expose port 10250 externally since it is used by kubelet");
    }
  }
  if (IsHeadless(service)) {
    errors.Invalid(path.Child("clusterIPs").Index(0), "None",
                   "may not be set to 'None' for " + spec.type() + " services");
  }
}

void ValidatePort(const ServicePort& port, bool needs_name, NameSet& names, const FieldPath& path,
                  ErrorList& errors) {
  if (!port.name().empty()) {
    CheckDNS1123Label(errors, path.Child("name"), port.name());
    if (!names.Insert(port.name())) errors.Duplicate(path.Child("name"), port.name());
  } else if (needs_name) {
    errors.Required(path.Child("name"));
  }
  AddReasons(errors, path.Child("port"), port.port(), api::IsValidPortNum(port.port()));
  CheckRequiredOneOf(errors, path.Child("protocol"), port.protocol(), kProtocols);
  ValidatePortNumOrName(port.targetport(), path.Child("targetPort"), errors);
  if (port.has_appprotocol()) {
    CheckQualifiedName(errors, path.Child("appProtocol"), port.appprotocol());
  }
}

void ValidatePorts(const ServiceSpec& spec, const FieldPath& path, ErrorList& errors) {
  NameSet names;
  for (int i = 0; i < spec.ports_size(); ++i) {
    ValidatePort(spec.ports(i), spec.ports_size() > 1, names, path.Index(i), errors);
  }
}

// Each pair of protocol and number once.
void ValidatePortPairs(const ServiceSpec& spec, const FieldPath& path, ErrorList& errors) {
  std::set<std::pair<std::string_view, int32_t>> node_ports;
  std::set<std::pair<std::string_view, int32_t>> ports;
  for (int i = 0; i < spec.ports_size(); ++i) {
    const ServicePort& port = spec.ports(i);
    if (spec.type() == "ClusterIP" && port.nodeport() != 0) {
      errors.Forbidden(path.Index(i).Child("nodePort"),
                       "may not be used when `type` is 'ClusterIP'");
    }
    if (port.nodeport() != 0 && !node_ports.emplace(port.protocol(), port.nodeport()).second) {
      errors.Duplicate(path.Index(i).Child("nodePort"), port.nodeport());
    }
    if (!ports.emplace(port.protocol(), port.port()).second) {
      errors.Duplicate(path.Index(i),
                       api::field::BadValue::Raw(
                           R"(core.ServicePort{Name:"", Protocol:")" + port.protocol() +
                           R"(", AppProtocol:(*string)(nil), Port:)" + std::to_string(port.port()) +
                           R"(, TargetPort:intstr.IntOrString{Type:0, IntVal:0, StrVal:""}, )"
                           "NodePort:0}"));
    }
  }
}

void ValidateAffinity(const ServiceSpec& spec, const FieldPath& path, ErrorList& errors) {
  CheckRequiredOneOf(errors, path.Child("sessionAffinity"), spec.sessionaffinity(), kAffinities);
  FieldPath config = path.Child("sessionAffinityConfig");
  if (spec.sessionaffinity() == "None" && spec.has_sessionaffinityconfig()) {
    errors.Forbidden(config, "must not be set when session affinity is None");
  }
  if (spec.sessionaffinity() != "ClientIP") return;
  constexpr std::string_view kWhen = "when session affinity type is ClientIP";
  if (!spec.has_sessionaffinityconfig()) return errors.Required(config, kWhen);
  const auto& client_ip = spec.sessionaffinityconfig().clientip();
  FieldPath timeout = config.Child("clientIP", "timeoutSeconds");
  if (!client_ip.has_timeoutseconds()) return errors.Required(timeout, kWhen);
  if (client_ip.timeoutseconds() > 0 && client_ip.timeoutseconds() <= kAffinitySecondsMax) return;
  errors.Invalid(timeout, client_ip.timeoutseconds(), "must be greater than 0 and less than 86400");
}

void ValidateExternalIPs(const ServiceSpec& spec, const FieldPath& path, ErrorList& errors) {
  for (int i = 0; i < spec.externalips_size(); ++i) {
    const std::string& ip = spec.externalips(i);
    auto reasons = api::IsValidIP(ip);
    AddReasons(errors, path.Index(i), ip, reasons);
    if (reasons.empty()) CheckNonSpecialIP(errors, path.Index(i), ip);
  }
}

void ValidateLoadBalancerFields(const ServiceSpec& spec, const FieldPath& path, ErrorList& errors) {
  bool is_load_balancer = spec.type() == "LoadBalancer";
  FieldPath ranges = path.Child("LoadBalancerSourceRanges");
  if (spec.loadbalancersourceranges_size() > 0 && !is_load_balancer) {
    errors.Forbidden(ranges, kOnlyLoadBalancer);
  }
  for (const std::string& range : spec.loadbalancersourceranges()) {
    if (api::IsValidCIDR(range).empty()) continue;
    errors.Invalid(ranges, "[" + range + "]",
                   "must be a list of IP ranges. For example, 10.240.0.0/24,10.250.0.0/24 ");
    break;
  }
  if (spec.has_allocateloadbalancernodeports() && !is_load_balancer) {
    errors.Forbidden(path.Child("allocateLoadBalancerNodePorts"), kOnlyLoadBalancer);
  }
  if (is_load_balancer && !spec.has_allocateloadbalancernodeports()) {
    errors.Required(FieldPath("allocateLoadBalancerNodePorts"));
  }
  if (!spec.has_loadbalancerclass()) return;
  if (is_load_balancer) {
    CheckQualifiedName(errors, path.Child("loadBalancerClass"), spec.loadbalancerclass());
  } else {
    errors.Forbidden(path.Child("loadBalancerClass"), kOnlyLoadBalancer);
  }
}

void ValidateTrafficPolicies(const Service& service, const FieldPath& path, ErrorList& errors) {
  const ServiceSpec& spec = service.spec();
  FieldPath external = path.Child("externalTrafficPolicy");
  if (NeedsExternalTrafficPolicy(service)) {
    CheckRequiredOneOf(errors, external, spec.externaltrafficpolicy(), kTrafficPolicies);
  } else if (!spec.externaltrafficpolicy().empty()) {
    errors.Invalid(external, spec.externaltrafficpolicy(),
                   "may only be set when `type` is 'NodePort' or 'LoadBalancer'");
  }
  FieldPath health = path.Child("healthCheckNodePort");
  int32_t port = spec.healthchecknodeport();
  if (!NeedsHealthCheckNodePort(service)) {
    if (port != 0) {
      errors.Invalid(health, port,
                     "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is "
                     "'Local'");
    }
  } else if (port == 0) {
    errors.Required(health);
  } else {
    AddReasons(errors, health, port, api::IsValidPortNum(port));
  }
  FieldPath internal = path.Child("internalTrafficPolicy");
  if (spec.has_internaltrafficpolicy()) {
    CheckOneOf(errors, internal, spec.internaltrafficpolicy(), kTrafficPolicies);
  } else if (NeedsClusterIP(service)) {
    errors.Required(internal);
  }
}

}  // namespace

ErrorList ValidateService(const Service& service) {
  const ServiceSpec& spec = service.spec();
  FieldPath path("spec");
  ErrorList errors;
  ValidateTypeRules(service, path, errors);
  ValidatePorts(spec, path.Child("ports"), errors);
  ValidateLabelMap(spec.selector(), path.Child("selector"), errors);
  ValidateAffinity(spec, path, errors);
  ValidateServiceAddresses(service, errors);
  ValidateExternalIPs(spec, path.Child("externalIPs"), errors);
  CheckRequiredOneOf(errors, path.Child("type"), spec.type(), kTypes);
  ValidatePortPairs(spec, path.Child("ports"), errors);
  ValidateLoadBalancerFields(spec, path, errors);
  ValidateTrafficPolicies(service, path, errors);
  return errors;
}

ErrorList ValidateServiceUpdate(const Service& service, const Service& old) {
  ErrorList errors;
  FieldPath path("spec");
  ValidateServiceAddressesUpdate(service, old, errors);
  bool stays_load_balancer =
      service.spec().type() == "LoadBalancer" && old.spec().type() == "LoadBalancer";
  if (stays_load_balancer && service.spec().loadbalancerclass() != old.spec().loadbalancerclass()) {
    errors.Invalid(path.Child("loadBalancerClass"), service.spec().loadbalancerclass(),
                   "may not change once set");
  }
  if (NeedsHealthCheckNodePort(old) && NeedsHealthCheckNodePort(service) &&
      service.spec().healthchecknodeport() != old.spec().healthchecknodeport()) {
    errors.Forbidden(path.Child("healthCheckNodePort"), kFieldIsImmutable);
  }
  errors.Append(ValidateService(service));
  return errors;
}

ErrorList ValidateServiceStatus(const Service& service) {
  ErrorList errors;
  FieldPath path = FieldPath("status").Child("loadBalancer", "ingress");
  for (int i = 0; i < service.status().loadbalancer().ingress_size(); ++i) {
    const auto& ingress = service.status().loadbalancer().ingress(i);
    FieldPath at = path.Index(i);
    if (!ingress.ip().empty() && !api::IsValidIP(ingress.ip()).empty()) {
      errors.Invalid(at.Child("ip"), ingress.ip(), "must be a valid IP address");
    }
    if (ingress.hostname().empty()) continue;
    CheckDNS1123Subdomain(errors, at.Child("hostname"), ingress.hostname());
    if (api::IsValidIP(ingress.hostname()).empty()) {
      errors.Invalid(at.Child("hostname"), ingress.hostname(),
                     "must be a DNS name, not an IP address");
    }
  }
  return errors;
}

}  // namespace wherry::apiserver::registry
