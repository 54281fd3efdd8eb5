#include "apiserver/bootstrap.h"

#include "apiserver/registry/scheduling/system_classes.h"
#include "lib/api/intstr.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "lib/loop/sync.h"
#include "lib/loop/world.h"
#include "lib/telemetry/log.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/discovery/v1.pb.h"
#include "proto/api/meta/v1.pb.h"
#include "proto/api/scheduling/v1.pb.h"

namespace wherry::apiserver {

namespace core = api::core::v1;
using google::protobuf::Message;

namespace {

const telemetry::Logger kLog("apiserver");
constexpr std::chrono::seconds kInterval{10};

registry::Caller System() {
  registry::Caller caller;
  caller.user.name = "system:apiserver";
  caller.user.groups = {"system:masters"};
  return caller;
}

// Creates the object, or leaves the one that is there.
Task<Status> Ensure(registry::Store& store, std::string ns, std::unique_ptr<Message> object) {
  const registry::Resource& resource = *store.resources().Find(api::KindOf(*object));
  if (store.Get(resource, ns, api::MetaOf(*object).name())) co_return Ok();
  CO_TRY_STATUS(store.ApplyDefaults(resource, *object));
  auto creating = store.Create(resource, System(), std::move(ns), std::move(object));
  auto created = co_await std::move(creating);
  if (!created.ok() && created.error().reason != Reason::kAlreadyExists) {
    co_return std::move(created).error();
  }
  co_return Ok();
}

// Creates the object, or gives the one that is there its content.
Task<Status> Enforce(registry::Store& store, std::string ns,
                     std::shared_ptr<const Message> wanted) {
  const registry::Resource& resource = *store.resources().Find(api::KindOf(*wanted));
  std::string name = api::MetaOf(*wanted).name();
  std::unique_ptr<Message> copy(wanted->New());
  copy->CopyFrom(*wanted);
  if (!store.Get(resource, ns, name)) {
    auto ensuring = Ensure(store, std::move(ns), std::move(copy));
    co_return co_await std::move(ensuring);
  }
  registry::UpdateRequest update;
  update.ns = std::move(ns);
  update.name = std::move(name);
  update.updater = [wanted](const Message* current) -> Result<std::unique_ptr<Message>> {
    std::unique_ptr<Message> object(wanted->New());
    object->CopyFrom(*wanted);
    *api::MutableMetaOf(object.get()) = api::MetaOf(*current);
    return object;
  };
  auto updating = store.Update(resource, System(), std::move(update));
  CO_TRY_STATUS(co_await std::move(updating));
  co_return Ok();
}

std::unique_ptr<core::Service> KubernetesService(const BootstrapOptions& options) {
  auto service = std::make_unique<core::Service>();
  service->mutable_metadata()->set_name("kubernetes");
  auto& labels = *service->mutable_metadata()->mutable_labels();
  labels["component"] = "apiserver";
  labels["provider"] = "kubernetes";
  auto* spec = service->mutable_spec();
  spec->set_type("ClusterIP");
  spec->set_clusterip(options.service_address);
  spec->add_clusterips(options.service_address);
  spec->add_ipfamilies("IPv4");
  spec->set_ipfamilypolicy("SingleStack");
  spec->set_sessionaffinity("None");
  auto* port = spec->add_ports();
  port->set_name("https");
  port->set_protocol("TCP");
  port->set_port(443);
  api::SetInt(port->mutable_targetport(), options.advertise_port);
  return service;
}

// What only other types of Services may have, and the families of other addresses.
void ClearWhatClusterIPForbids(core::ServiceSpec& spec) {
  spec.clear_externalname();
  spec.clear_allocateloadbalancernodeports();
  spec.clear_externaltrafficpolicy();
  spec.clear_healthchecknodeport();
  spec.clear_loadbalancerclass();
  spec.clear_loadbalancerip();
  spec.clear_loadbalancersourceranges();
}

// Whether an update can give it the wanted address: one that is there does not change.
Result<bool> CanKeep(const storage::CachedObject& stored, const core::Service& wanted) {
  TRY(auto message, stored.message());
  const std::string& address = registry::Typed<core::Service>(*message).spec().clusterip();
  return address.empty() || address == wanted.spec().clusterip();
}

// Creates the service, or gives the one that is there its address, type and ports: the rest people
// may edit. One with another address is made again.
Task<Status> EnsureService(registry::Store& store, BootstrapOptions options) {
  const std::string ns = "default";
  std::shared_ptr<const core::Service> wanted = KubernetesService(options);
  const registry::Resource& resource = *store.resources().Find(api::KindOf<core::Service>());
  const std::string name = wanted->metadata().name();
  auto stored = store.Get(resource, ns, name);
  if (stored) {
    CO_TRY(const bool keep, CanKeep(*stored, *wanted));
    if (!keep) {
      auto deleting = store.Delete(resource, System(), ns, name, {});
      CO_TRY_STATUS(co_await std::move(deleting));
      stored = nullptr;
    }
  }
  if (!stored) {
    auto ensuring = Ensure(store, ns, std::make_unique<core::Service>(*wanted));
    co_return co_await std::move(ensuring);
  }
  registry::UpdateRequest update;
  update.ns = ns;
  update.name = name;
  update.updater = [wanted, &store,
                    &resource](const Message* current) -> Result<std::unique_ptr<Message>> {
    auto service = std::make_unique<core::Service>(registry::Typed<core::Service>(*current));
    auto& spec = *service->mutable_spec();
    spec.set_type(wanted->spec().type());
    *spec.mutable_ports() = wanted->spec().ports();
    spec.set_clusterip(wanted->spec().clusterip());
    *spec.mutable_clusterips() = wanted->spec().clusterips();
    *spec.mutable_ipfamilies() = wanted->spec().ipfamilies();
    spec.set_ipfamilypolicy(wanted->spec().ipfamilypolicy());
    ClearWhatClusterIPForbids(spec);
    TRY_STATUS(store.ApplyDefaults(resource, *service));
    return std::unique_ptr<Message>(std::move(service));
  };
  auto updating = store.Update(resource, System(), std::move(update));
  CO_TRY_STATUS(co_await std::move(updating));
  co_return Ok();
}

std::shared_ptr<const core::Endpoints> KubernetesEndpoints(const BootstrapOptions& options) {
  auto endpoints = std::make_shared<core::Endpoints>();
  endpoints->mutable_metadata()->set_name("kubernetes");
  // The slice beside it is written here, too.
  (*endpoints->mutable_metadata()->mutable_labels())["endpointslice.kubernetes.io/skip-mirror"] =
      "true";
  auto* subset = endpoints->add_subsets();
  subset->add_addresses()->set_ip(options.advertise_address);
  auto* port = subset->add_ports();
  port->set_name("https");
  port->set_protocol("TCP");
  port->set_port(options.advertise_port);
  return endpoints;
}

std::shared_ptr<const Message> KubernetesSlice(const BootstrapOptions& options) {
  auto slice = std::make_shared<api::discovery::v1::EndpointSlice>();
  slice->mutable_metadata()->set_name("kubernetes");
  (*slice->mutable_metadata()->mutable_labels())["kubernetes.io/service-name"] = "kubernetes";
  slice->set_addresstype("IPv4");
  auto* endpoint = slice->add_endpoints();
  endpoint->add_addresses(options.advertise_address);
  endpoint->mutable_conditions()->set_ready(true);
  auto* port = slice->add_ports();
  port->set_name("https");
  port->set_protocol("TCP");
  port->set_port(options.advertise_port);
  return slice;
}

void WarnOf(const char* what, const Status& written) {
  if (written.ok()) return;
  kLog.Warn("system object not written", {{"object", what}, {"error", written.error().message}});
}

}  // namespace

Task<void> WriteBootstrapObjects(registry::Store& store, BootstrapOptions options) {
  for (const char* name : {"default", "kube-system", "kube-public", "kube-node-lease"}) {
    auto ns = std::make_unique<core::Namespace>();
    ns->mutable_metadata()->set_name(name);
    (*ns->mutable_metadata()->mutable_labels())["kubernetes.io/metadata.name"] = name;
    auto ensuring = Ensure(store, "", std::move(ns));
    WarnOf("a system namespace", co_await std::move(ensuring));
  }
  for (const registry::scheduling::SystemClass& system : registry::scheduling::kSystemClasses) {
    auto priority_class = std::make_unique<api::scheduling::v1::PriorityClass>();
    priority_class->mutable_metadata()->set_name(std::string(system.name));
    priority_class->set_value(system.value);
    priority_class->set_description(std::string(system.description));
    auto ensuring = Ensure(store, "", std::move(priority_class));
    WarnOf("a system priority class", co_await std::move(ensuring));
  }
  auto service = EnsureService(store, options);
  WarnOf("the service kubernetes", co_await std::move(service));
  // A loopback address is nobody's endpoint: no pod could reach it, and validation refuses it.
  if (options.advertise_address.starts_with("127.") || options.advertise_address == "::1") {
    co_return;
  }
  auto endpoints = Enforce(store, "default", KubernetesEndpoints(options));
  WarnOf("the endpoints kubernetes", co_await std::move(endpoints));
  auto slice = Enforce(store, "default", KubernetesSlice(options));
  WarnOf("the endpoint slice kubernetes", co_await std::move(slice));
}

Task<void> KeepBootstrapObjects(registry::Store& store, BootstrapOptions options) {
  while (true) {
    co_await SleepFor(store.world().loop, kInterval);
    auto writing = WriteBootstrapObjects(store, options);
    co_await std::move(writing);
  }
}

}  // namespace wherry::apiserver
