#include "controllers/rootcacertpublisher/bundle.h"

#include "proto/api/core/v1.pb.h"

namespace wherry::controllers::rootcacertpublisher {
namespace {

bool IsRight(const corev1::ConfigMap& bundle, const std::string& root_ca_pem) {
  const auto certificate = bundle.data().find(kKey);
  const auto& annotations = bundle.metadata().annotations();
  const auto description = annotations.find(kDescription);
  return bundle.data().size() == 1 && certificate != bundle.data().end() &&
         certificate->second == root_ca_pem && description != annotations.end() &&
         !description->second.empty();
}

}  // namespace

std::shared_ptr<corev1::ConfigMap> WithRootCa(const std::string& ns,
                                              const corev1::ConfigMap* current,
                                              const std::string& root_ca_pem) {
  if (current != nullptr && IsRight(*current, root_ca_pem)) return nullptr;
  auto bundle = current == nullptr ? std::make_shared<corev1::ConfigMap>()
                                   : std::make_shared<corev1::ConfigMap>(*current);
  auto* meta = bundle->mutable_metadata();
  meta->set_name(kConfigMapName);
  meta->set_namespace_(ns);
  (*meta->mutable_annotations())[kDescription] =
      "The certificate authority that signs the API server's certificate, for clients in pods. It "
      "says nothing about other certificates in the cluster.";
  bundle->mutable_data()->clear();
  (*bundle->mutable_data())[kKey] = root_ca_pem;
  return bundle;
}

}  // namespace wherry::controllers::rootcacertpublisher
