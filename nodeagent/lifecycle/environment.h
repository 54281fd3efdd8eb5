#pragma once

#include "lib/base/result.h"
#include "nodeagent/lifecycle/expansion.h"
#include "nodeagent/lifecycle/pod_facts.h"
#include "nodeagent/volumes/downward_api.h"
#include "nodeagent/volumes/object_source.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace wherry::api::core::v1 {
class Service;
}

namespace wherry::nodeagent::lifecycle {

// Variables that name the services of a namespace, plus those of default/kubernetes:
// WEB_SERVICE_HOST, WEB_SERVICE_PORT, WEB_PORT_80_TCP_ADDR, ... Headless services have none.
// `links` is the pod's enableServiceLinks; without it only default/kubernetes is named.
// Source: kubelet/envvars.
Environment ServiceEnvironment(
    const std::vector<std::shared_ptr<const api::core::v1::Service>>& all, std::string_view ns,
    bool links);

struct EnvironmentInput {
  const Pod& pod;
  const Container& container;
  const Environment& services;
  const volumes::DownwardContext& downward;
  const volumes::ObjectSource& objects;
};

struct BuiltEnvironment {
  std::vector<std::pair<std::string, std::string>> variables;  // envFrom, env, then services
  std::vector<std::string> invalid_names;  // of envFrom keys that were left out, for an event
};

// envFrom, then env with $(VAR) expanded in order, then services where no name is taken.
// Errors: kInvalid or kNotFound with the text of the container's CreateContainerConfigError.
// Source: kubelet makeEnvironmentVariables.
Result<BuiltEnvironment> MakeEnvironment(const EnvironmentInput& input);

}  // namespace wherry::nodeagent::lifecycle
