#pragma once

#include "lib/base/result.h"

#include <memory>
#include <string>

namespace wherry::api::core::v1 {
class ConfigMap;
class Pod;
class Secret;
class ServiceAccountTokenProjection;
}  // namespace wherry::api::core::v1

namespace wherry::nodeagent::volumes {

// The ConfigMaps and Secrets that pods of this node refer to, as the API server last said.
class ObjectSource {
 public:
  virtual ~ObjectSource() = default;
  // Errors: kNotFound `configmap "x" not found`; kServiceUnavailable while nothing is known yet.
  virtual Result<std::shared_ptr<const api::core::v1::ConfigMap>> ConfigMap(
      const std::string& ns, const std::string& name) const = 0;
  virtual Result<std::shared_ptr<const api::core::v1::Secret>> Secret(
      const std::string& ns, const std::string& name) const = 0;
  // A token of the pod's service account, bound to the pod. Errors: kNotFound before it has been
  // fetched.
  virtual Result<std::string> ServiceAccountToken(
      const api::core::v1::Pod& pod,
      const api::core::v1::ServiceAccountTokenProjection& source) const = 0;
};

}  // namespace wherry::nodeagent::volumes
