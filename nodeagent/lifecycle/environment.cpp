#include "nodeagent/lifecycle/environment.h"

#include "lib/api/validation.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <cctype>

namespace wherry::nodeagent::lifecycle {

namespace {

using api::core::v1::EnvVar;
using api::core::v1::Service;

std::string VariableName(std::string_view service) {
  std::string name;
  for (const char c : service)
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

bool HasClusterIp(const Service& service) {
  const std::string& ip = service.spec().clusterip();
  return !ip.empty() && ip != "None";
}

void AddService(const Service& service, Environment* variables) {
  const std::string name = VariableName(service.metadata().name());
  const std::string& ip = service.spec().clusterip();
  if (service.spec().ports_size() == 0) return;
  const auto& first = service.spec().ports(0);
  (*variables)[name + "_SERVICE_HOST"] = ip;
  (*variables)[name + "_SERVICE_PORT"] = std::to_string(first.port());
  for (const auto& port : service.spec().ports())
    if (!port.name().empty())
      (*variables)[name + "_SERVICE_PORT_" + VariableName(port.name())] =
          std::to_string(port.port());
  const std::string host = ip.find(':') == std::string::npos ? ip : "[" + ip + "]";
  for (const auto& port : service.spec().ports()) {
    std::string protocol = port.protocol().empty() ? "TCP" : port.protocol();
    std::string lower;
    for (const char c : protocol)
      lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const std::string number = std::to_string(port.port());
    const std::string url = lower + "://" + host + ":" + number;
    const std::string prefix = name + "_PORT_" + number + "_" + VariableName(protocol);
    if (&port == &first) (*variables)[name + "_PORT"] = url;
    (*variables)[prefix] = url;
    (*variables)[prefix + "_PROTO"] = lower;
    (*variables)[prefix + "_PORT"] = number;
    (*variables)[prefix + "_ADDR"] = ip;
  }
}

Error KeyMissing(std::string_view key, std::string_view kind, const std::string& ns,
                 const std::string& name) {
  return MakeError(Reason::kNotFound, "couldn't find key " + std::string(key) + " in " +
                                          std::string(kind) + " " + ns + "/" + name);
}

class Builder {
 public:
  explicit Builder(const EnvironmentInput& input) : in_(input) {}

  Result<BuiltEnvironment> Build() {
    for (const auto& source : in_.container.envfrom()) TRY_STATUS(AddAll(source));
    for (const auto& variable : in_.container.env()) TRY_STATUS(Add(variable));
    BuiltEnvironment built;
    built.invalid_names = std::move(invalid_names_);
    for (const auto& [name, value] : result_) built.variables.emplace_back(name, value);
    for (const auto& [name, value] : in_.services)
      if (!result_.contains(name)) built.variables.emplace_back(name, value);
    return built;
  }

 private:
  const std::string& ns() const { return in_.pod.metadata().namespace_(); }

  template <typename Data>
  void Take(const Data& data, const std::string& prefix) {
    const std::map<std::string, std::string> sorted(data.begin(), data.end());
    for (const auto& [key, value] : sorted) {
      const std::string name = prefix + key;
      if (!api::IsEnvVarName(name).empty()) {
        invalid_names_.push_back(name);
        continue;
      }
      result_[name] = value;
      expandable_[name] = value;
    }
  }

  Status AddAll(const api::core::v1::EnvFromSource& source) {
    if (source.has_configmapref()) {
      const std::string& name = source.configmapref().localobjectreference().name();
      auto found = in_.objects.ConfigMap(ns(), name);
      if (!found.ok()) {
        if (found.error().reason == Reason::kNotFound && source.configmapref().optional())
          return Ok();
        return std::move(found).error();
      }
      Take((*found)->data(), source.prefix());
    } else if (source.has_secretref()) {
      const std::string& name = source.secretref().localobjectreference().name();
      auto found = in_.objects.Secret(ns(), name);
      if (!found.ok()) {
        if (found.error().reason == Reason::kNotFound && source.secretref().optional()) return Ok();
        return std::move(found).error();
      }
      Take((*found)->data(), source.prefix());
    }
    return Ok();
  }

  // Sets `present` to false for an optional reference that leads nowhere.
  Result<std::string> ValueFrom(const api::core::v1::EnvVarSource& source, bool* present) {
    if (source.has_fieldref())
      return volumes::FieldRefValue(in_.pod, in_.downward, source.fieldref().fieldpath());
    if (source.has_resourcefieldref()) return ResourceValue(source.resourcefieldref());
    if (source.has_configmapkeyref()) {
      const auto& ref = source.configmapkeyref();
      auto found = in_.objects.ConfigMap(ns(), ref.localobjectreference().name());
      if (!found.ok()) return Missing(std::move(found).error(), ref.optional(), present);
      auto entry = (*found)->data().find(ref.key());
      if (entry != (*found)->data().end()) return entry->second;
      return Missing(KeyMissing(ref.key(), "ConfigMap", ns(), ref.localobjectreference().name()),
                     ref.optional(), present);
    }
    if (source.has_secretkeyref()) {
      const auto& ref = source.secretkeyref();
      auto found = in_.objects.Secret(ns(), ref.localobjectreference().name());
      if (!found.ok()) return Missing(std::move(found).error(), ref.optional(), present);
      auto entry = (*found)->data().find(ref.key());
      if (entry != (*found)->data().end()) return entry->second;
      return Missing(KeyMissing(ref.key(), "Secret", ns(), ref.localobjectreference().name()),
                     ref.optional(), present);
    }
    return std::string();
  }

  static Result<std::string> Missing(Error error, bool optional, bool* present) {
    if (!optional || error.reason != Reason::kNotFound) return error;
    *present = false;
    return std::string();
  }

  Result<std::string> ResourceValue(const api::core::v1::ResourceFieldSelector& selector) {
    const Container* container = &in_.container;
    if (!selector.containername().empty()) {
      container = FindContainer(in_.pod, selector.containername());
      if (!container) container = FindInitContainer(in_.pod, selector.containername());
      if (!container)
        return MakeError(Reason::kInvalid, "container " + selector.containername() + " not found");
    }
    return volumes::ResourceFieldRefValue(selector, *container, in_.downward);
  }

  Status Add(const EnvVar& variable) {
    std::string value;
    if (!variable.value().empty()) {
      Environment known = in_.services;
      for (const auto& [name, known_value] : expandable_) known[name] = known_value;
      value = Expand(variable.value(), known);
    } else if (variable.has_valuefrom()) {
      bool present = true;
      TRY(value, ValueFrom(variable.valuefrom(), &present));
      if (!present) return Ok();
    }
    expandable_[variable.name()] = value;
    result_[variable.name()] = std::move(value);
    return Ok();
  }

  const EnvironmentInput& in_;
  Environment result_;
  Environment expandable_;  // what later variables may refer to
  std::vector<std::string> invalid_names_;
};

}  // namespace

Environment ServiceEnvironment(const std::vector<std::shared_ptr<const Service>>& all,
                               std::string_view ns, bool links) {
  std::vector<const Service*> chosen;
  for (const auto& service : all) {
    if (!HasClusterIp(*service)) continue;
    const auto& meta = service->metadata();
    const bool master = meta.namespace_() == "default" && meta.name() == "kubernetes";
    if (master || (links && meta.namespace_() == ns)) chosen.push_back(service.get());
  }
  // A service of the pod's own namespace wins over default/kubernetes.
  std::partition(chosen.begin(), chosen.end(),
                 [&](const Service* service) { return service->metadata().namespace_() != ns; });
  Environment variables;
  for (const Service* service : chosen) AddService(*service, &variables);
  return variables;
}

Result<BuiltEnvironment> MakeEnvironment(const EnvironmentInput& input) {
  return Builder(input).Build();
}

}  // namespace wherry::nodeagent::lifecycle
