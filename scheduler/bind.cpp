#include "scheduler/bind.h"

#include "lib/api/kind_registry.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::scheduler {

namespace core = api::core::v1;

Task<Status> BindPod(client::ApiClient& client, framework::PodInfoPtr pod, std::string node_name) {
  const auto& metadata = pod->pod->metadata();
  auto binding = std::make_shared<core::Binding>();
  binding->mutable_metadata()->set_name(metadata.name());
  binding->mutable_metadata()->set_namespace_(metadata.namespace_());
  binding->mutable_metadata()->set_uid(metadata.uid());
  binding->mutable_target()->set_kind("Node");
  binding->mutable_target()->set_name(node_name);
  co_return co_await client.CreateSubresource(api::KindOf<core::Pod>(), metadata.namespace_(),
                                              metadata.name(), "binding", std::move(binding));
}

}  // namespace wherry::scheduler
