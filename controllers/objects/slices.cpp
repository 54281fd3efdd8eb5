#include "controllers/objects/slices.h"

#include "controllers/objects/requests.h"
#include "lib/api/kind_registry.h"
#include "proto/api/discovery/v1.pb.h"

namespace wherry::controllers {

std::string ServiceKey(const google::protobuf::Message& slice, std::string_view controller) {
  const auto& meta = static_cast<const discoveryv1::EndpointSlice&>(slice).metadata();
  const auto managed_by = meta.labels().find(kManagedBy);
  const auto service = meta.labels().find(kServiceName);
  if (managed_by == meta.labels().end() || managed_by->second != controller) return "";
  if (service == meta.labels().end() || service->second.empty()) return "";
  return client::KeyOf(meta.namespace_(), service->second);
}

client::Informer::IndexFunction ByServiceKey(std::string controller) {
  return [controller](const google::protobuf::Message& slice) {
    std::string key = ServiceKey(slice, controller);
    return key.empty() ? std::vector<std::string>{} : std::vector<std::string>{std::move(key)};
  };
}

Task<Status> CreateSlice(World& world, client::ApiClient& client, Expectations& expectations,
                         std::string service, std::shared_ptr<discoveryv1::EndpointSlice> slice) {
  auto* meta = slice->mutable_metadata();
  meta->set_name(meta->generatename() + world.random.NameSuffix());
  const std::string name = meta->name();
  const std::string ns = meta->namespace_();
  expectations.ExpectCreation(service, name, world.clock.MonotonicNow());
  const client::MessagePtr object = slice;
  auto created = co_await client.Create(ns, object);
  if (created.ok()) co_return Ok();
  if (IsAmbiguous(created.error())) {
    // Perhaps it was made: ask, for a second one would list every endpoint twice.
    auto found = co_await client.Get(api::KindOf<discoveryv1::EndpointSlice>(), ns, name);
    if (found.ok()) co_return Ok();
  }
  expectations.CreationObserved(service, name);
  if (HasCause(created.error(), "NamespaceTerminating")) co_return Ok();
  co_return std::move(created).error();
}

}  // namespace wherry::controllers
