#include "apiserver/app.h"

#include "apiserver/admission/chain.h"
#include "apiserver/authn/same_secret.h"
#include "apiserver/authn/service_account_tokens.h"
#include "apiserver/authz/authorizer.h"
#include "apiserver/bootstrap.h"
#include "apiserver/discovery/discovery.h"
#include "apiserver/endpoints/endpoint.h"
#include "apiserver/endpoints/places.h"
#include "apiserver/event_expiry.h"
#include "apiserver/filters/chain.h"
#include "apiserver/follow_references.h"
#include "apiserver/forget_nodes.h"
#include "apiserver/health.h"
#include "apiserver/openapi/openapi.h"
#include "apiserver/openid.h"
#include "apiserver/registry/service_ranges.h"
#include "apiserver/registry/store.h"
#include "apiserver/registry_groups.h"
#include "apiserver/request/status.h"
#include "apiserver/signer/csr_signer.h"
#include "apiserver/storage/cacher/cacher.h"
#include "lib/api/bootstrap_token.h"
#include "lib/api/kind_registry.h"
#include "lib/api/legacy_token.h"
#include "lib/api/time.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "lib/telemetry/metrics.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/meta/v1.pb.h"

#include <optional>

namespace wherry::apiserver {

namespace core = api::core::v1;

namespace {

// Of bulk requests at once: enough to share the store's transactions.
constexpr size_t kBulkWrites = 512;

}  // namespace

struct App::Impl {
  Impl(World& w, storage::Store& store, Options o);

  Task<Status> Start();
  Status TakeServiceRanges();
  Status DescribeTokenIssuer();
  Task<http::Response> Route(ApiRequest& request);
  bool AccountStillValid(const authn::TokenSubject& subject) const;
  bool LegacyTokenStillValid(const api::LegacyTokenClaims& claims, std::string_view token) const;
  std::shared_ptr<const core::Secret> SecretOf(const std::string& ns,
                                               const std::string& name) const;
  bool IsGone(const api::meta::v1::ObjectMeta& metadata) const;
  http::Response Metrics();

  World& world;
  Options options;
  registry::KindTable table;
  std::unique_ptr<registry::Resources> resources;
  storage::Cacher cacher;
  std::unique_ptr<admission::Chain> admission;
  std::unique_ptr<registry::Store> objects;
  std::unique_ptr<registry::ServiceRanges> service_ranges;
  nodeconnect::NodeConnections node_connections;
  std::unique_ptr<authn::ServiceAccountTokens> tokens;
  std::unique_ptr<authn::Authenticator> authenticator;
  authz::NodeReferences node_references;
  authz::Authorizer authorizer{node_references};
  std::optional<ReferenceFollower> references_of_pods;
  filters::RequestMetrics request_metrics;
  endpoints::Places bulk;
  endpoints::Places parsing;
  std::unique_ptr<endpoints::Environment> environment;
  std::unique_ptr<discovery::Discovery> discovery_documents;
  std::unique_ptr<openapi::OpenApi> openapi_documents;
  std::optional<OpenIdDocuments> openid_documents;
  std::unique_ptr<filters::Chain> chain;
  bool ready = false;
  TaskScope tasks;  // goes first
};

App::Impl::Impl(World& w, storage::Store& store, Options o)
    : world(w),
      options(std::move(o)),
      cacher(w.loop, store),
      node_connections(w.loop, options.nodes),
      request_metrics(
          telemetry::DefaultRegistry(),
          [this](const RequestInfo& info) { return endpoints::IsServed(*resources, info); }),
      bulk(w.loop, kBulkWrites),
      parsing(w.loop, 1),  // the other helper threads are left to who mounts and unpacks
      tasks(w.loop) {
  RegisterAllGroups(table);
  resources = std::make_unique<registry::Resources>(table);
  for (const auto& resource : resources->all()) {
    if (resource->stored_form != nullptr) continue;
    cacher.Register(resource->key_prefix, registry::MakeObjectCodec(*resource));
  }
  admission = admission::MakeDefaultChain(
      {.mount_service_account_tokens =
           options.mount_service_account_tokens && !options.service_account_key_pem.empty()},
      world.random);
  objects = std::make_unique<registry::Store>(world, cacher, *resources);
  objects->set_admitter(admission.get());
  if (!options.service_account_key_pem.empty()) {
    authn::ServiceAccountTokens::Options token_options;
    token_options.private_key_pem = options.service_account_key_pem;
    token_options.still_valid = [this](const authn::TokenSubject& subject) {
      return AccountStillValid(subject);
    };
    token_options.legacy_still_valid = [this](const api::LegacyTokenClaims& claims,
                                              std::string_view token) {
      return LegacyTokenStillValid(claims, token);
    };
    tokens = std::make_unique<authn::ServiceAccountTokens>(world.clock, std::move(token_options));
  }
  authn::Authenticator::Options authn_options;
  authn_options.tokens = options.tokens;
  authn_options.anonymous = options.anonymous;
  authn_options.bootstrap_secret = [this](const std::string& name) {
    return SecretOf(std::string(api::kBootstrapTokenNamespace), name);
  };
  authenticator =
      std::make_unique<authn::Authenticator>(world.clock, std::move(authn_options), tokens.get());
  environment = std::make_unique<endpoints::Environment>(
      endpoints::Environment{world, *objects, authorizer, &node_connections, tokens.get(),
                             authenticator.get(), &bulk, &parsing});
  discovery_documents = std::make_unique<discovery::Discovery>(
      *resources, options.advertise_address + ":" + std::to_string(options.advertise_port));
  openapi_documents = std::make_unique<openapi::OpenApi>(*resources);
  chain = std::make_unique<filters::Chain>(
      world, *authenticator, authorizer, request_metrics,
      [this](ApiRequest& request) { return Route(request); }, filters::Chain::Limits());
}

// A token outlives the deletion of what it is bound to by this much, as clocks differ.
bool App::Impl::IsGone(const api::meta::v1::ObjectMeta& metadata) const {
  constexpr std::chrono::seconds kLeeway{60};
  return metadata.has_deletiontimestamp() &&
         api::ToWallClock(metadata.deletiontimestamp()) + kLeeway < world.clock.Now();
}

// Source: pkg/serviceaccount/claims.go.
bool App::Impl::AccountStillValid(const authn::TokenSubject& subject) const {
  const auto* accounts = resources->Find(api::KindOf<core::ServiceAccount>());
  auto account = objects->Get(*accounts, subject.ns, subject.service_account);
  if (!account) return false;
  auto message = account->message();
  if (!message.ok()) return false;
  const auto& metadata = registry::Typed<core::ServiceAccount>(**message).metadata();
  if (metadata.uid() != subject.service_account_uid || IsGone(metadata)) return false;
  if (subject.pod.empty()) return true;
  const auto* pods = resources->Find(api::KindOf<core::Pod>());
  auto pod = objects->Get(*pods, subject.ns, subject.pod);
  if (!pod) return false;
  auto pod_message = pod->message();
  if (!pod_message.ok()) return false;
  const auto& bound = registry::Typed<core::Pod>(**pod_message).metadata();
  return bound.uid() == subject.pod_uid && !IsGone(bound);
}

// Source: pkg/serviceaccount/legacy.go.
bool App::Impl::LegacyTokenStillValid(const api::LegacyTokenClaims& claims,
                                      std::string_view token) const {
  const auto secret = SecretOf(claims.ns, claims.secret);
  if (secret == nullptr || secret->metadata().has_deletiontimestamp()) return false;
  auto kept = secret->data().find(api::kServiceAccountTokenKey);
  if (kept == secret->data().end() || !authn::SameSecret(kept->second, token)) return false;
  const auto* accounts = resources->Find(api::KindOf<core::ServiceAccount>());
  auto account = objects->Get(*accounts, claims.ns, claims.service_account);
  if (!account) return false;
  auto message = account->message();
  if (!message.ok()) return false;
  const auto& metadata = registry::Typed<core::ServiceAccount>(**message).metadata();
  return metadata.uid() == claims.service_account_uid && !metadata.has_deletiontimestamp();
}

std::shared_ptr<const core::Secret> App::Impl::SecretOf(const std::string& ns,
                                                        const std::string& name) const {
  const auto* secrets = resources->Find(api::KindOf<core::Secret>());
  auto object = objects->Get(*secrets, ns, name);
  if (!object) return nullptr;
  auto message = object->message();
  if (!message.ok()) return nullptr;
  return std::static_pointer_cast<const core::Secret>(*message);
}

Status App::Impl::TakeServiceRanges() {
  registry::ServiceRanges::Options range;
  range.cidr = options.service_cidr;
  range.node_port_min = options.node_port_min;
  range.node_port_max = options.node_port_max;
  TRY(service_ranges, registry::ServiceRanges::Make(std::move(range), world.random));
  objects->set_service_allocator(service_ranges.get());
  return Ok();
}

Status App::Impl::DescribeTokenIssuer() {
  if (tokens == nullptr) return Ok();
  const OpenIdDocuments::Options openid{
      .issuer = tokens->issuer(),
      .signing_key_pem = tokens->private_key_pem(),
      .advertise_address =
          options.advertise_address + ":" + std::to_string(options.advertise_port)};
  TRY(openid_documents, OpenIdDocuments::Make(openid));
  return Ok();
}

Task<Status> App::Impl::Start() {
  CO_TRY_STATUS(DescribeTokenIssuer());
  CO_TRY_STATUS(co_await cacher.Start());
  references_of_pods.emplace(*objects, node_references);
  auto following = references_of_pods->Start();
  co_await std::move(following);
  CO_TRY_STATUS(TakeServiceRanges());
  storage::ObjectListOptions services;
  services.selection.prefix = resources->Find(api::KindOf<core::Service>())->key_prefix;
  auto listing = cacher.ListObjects(std::move(services));
  CO_TRY(storage::ObjectList listed, co_await std::move(listing));
  for (const auto& object : listed.items) {
    CO_TRY(auto service, object->message());
    service_ranges->Take(*service);
  }
  BootstrapOptions bootstrap;
  bootstrap.service_address = service_ranges->FirstAddress();
  bootstrap.advertise_address = options.advertise_address;
  bootstrap.advertise_port = options.advertise_port;
  auto writing = WriteBootstrapObjects(*objects, bootstrap);
  co_await std::move(writing);
  tasks.Spawn("system objects", KeepBootstrapObjects(*objects, std::move(bootstrap)));
  tasks.Spawn("event expiry", ExpireEvents(*objects, std::chrono::hours(1)));
  tasks.Spawn("forget nodes", ForgetDeletedNodes(*objects, node_connections));
  if (!options.ca.certificate_pem.empty()) {
    signer::ServerNames names{.dns_names = options.machine_names,
                              .ip_addresses = {options.advertise_address},
                              .service_address = service_ranges->FirstAddress()};
    tasks.Spawn("CSR signer",
                signer::SignCertificateRequests(*objects, options.ca, std::move(names)));
  }
  ready = true;
  co_return Ok();
}

http::Response App::Impl::Metrics() {
  auto& registry = telemetry::DefaultRegistry();
  registry.GaugeAt("apiserver_registered_watchers", "Watches over the cache that are open now.")
      .Set(static_cast<double>(cacher.watcher_count()));
  for (const auto& resource : resources->all()) {
    if (resource->stored_form != nullptr) continue;
    registry
        .GaugeAt("apiserver_storage_objects", "Stored objects by resource.",
                 {{"resource", resource->name().String()}})
        .Set(static_cast<double>(cacher.Count(resource->key_prefix)));
  }
  http::Response response;
  response.body = registry.Expose();
  response.headers.Set("Content-Type", std::string(telemetry::kExpositionContentType));
  return response;
}

Task<http::Response> App::Impl::Route(ApiRequest& request) {
  const std::string& path = request.info.path;
  if (auto health = Health(request, ready, cacher.Health().ok())) co_return std::move(*health);
  if (!ready && !request.http.authenticated_user) {
    Error starting = MakeError(Reason::kServiceUnavailable, "the server is starting");
    starting.details.retry_after_seconds = 1;
    co_return ErrorResponse(starting, request.accepted);
  }
  if (request.info.is_resource) {
    auto serving = endpoints::Serve(*environment, request);
    co_return co_await std::move(serving);
  }
  if (request.http.method != "GET" && request.http.method != "HEAD") {
    co_return ErrorResponse(MethodNotAllowedError(), request.accepted);
  }
  if (path == "/metrics") co_return Metrics();
  if (openid_documents) {
    if (auto document = openid_documents->Serve(request)) co_return std::move(*document);
  }
  if (auto document = openapi_documents->Serve(request)) co_return std::move(*document);
  if (auto document = discovery_documents->Serve(request)) co_return std::move(*document);
  co_return TextResponse(404, "404 page not found\n");
}

App::App(World& world, storage::Store& store, Options options)
    : impl_(std::make_unique<Impl>(world, store, std::move(options))) {}
App::~App() = default;

Task<Status> App::Start() { return impl_->Start(); }
bool App::ready() const { return impl_->ready; }
http::Handler& App::handler() { return *impl_->chain; }
nodeconnect::NodeConnections& App::nodes() { return impl_->node_connections; }

http::Response FormatServerError(int http_status, const Error& error) {
  http::Response response = ErrorResponse(error);
  response.status = http_status;
  return response;
}

}  // namespace wherry::apiserver
