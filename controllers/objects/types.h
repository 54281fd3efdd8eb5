#pragma once

#include <memory>

namespace google::protobuf {
class Message;
}

// Forward declarations of the API types that controllers speak about, so that headers stay free of
// generated code. The namespace aliases read as upstream's import names.
namespace wherry::api {
namespace meta::v1 {
class LabelSelector;
class ObjectMeta;
class OwnerReference;
}  // namespace meta::v1
namespace core::v1 {
class ConfigMap;
class EndpointPort;
class EndpointSubset;
class Endpoints;
class Namespace;
class Node;
class NodeCondition;
class Pod;
class PodCondition;
class PodTemplateSpec;
class Service;
class ServiceAccount;
class ServicePort;
class Taint;
class Toleration;
}  // namespace core::v1
namespace apps::v1 {
class Deployment;
class DeploymentCondition;
class DeploymentStatus;
class ReplicaSet;
class ReplicaSetStatus;
}  // namespace apps::v1
namespace discovery::v1 {
class Endpoint;
class EndpointPort;
class EndpointSlice;
}  // namespace discovery::v1
namespace coordination::v1 {
class Lease;
}
}  // namespace wherry::api

namespace wherry::controllers {

namespace metav1 = api::meta::v1;
namespace corev1 = api::core::v1;
namespace appsv1 = api::apps::v1;
namespace discoveryv1 = api::discovery::v1;
namespace coordinationv1 = api::coordination::v1;

// An object of the client or an informer as the type that the caller knows it has; null stays null.
template <typename T>
std::shared_ptr<const T> As(const std::shared_ptr<const google::protobuf::Message>& object) {
  return std::static_pointer_cast<const T>(object);
}

// Objects as informers hold them: immutable, shared.
using DeploymentPtr = std::shared_ptr<const appsv1::Deployment>;
using EndpointSlicePtr = std::shared_ptr<const discoveryv1::EndpointSlice>;
using EndpointsPtr = std::shared_ptr<const corev1::Endpoints>;
using NamespacePtr = std::shared_ptr<const corev1::Namespace>;
using NodePtr = std::shared_ptr<const corev1::Node>;
using PodPtr = std::shared_ptr<const corev1::Pod>;
using ReplicaSetPtr = std::shared_ptr<const appsv1::ReplicaSet>;
using ServicePtr = std::shared_ptr<const corev1::Service>;

}  // namespace wherry::controllers
