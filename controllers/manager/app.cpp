#include "controllers/manager/app.h"

#include "controllers/deployment/controller.h"
#include "controllers/disruption/controller.h"
#include "controllers/endpoints/controller.h"
#include "controllers/endpointslice/controller.h"
#include "controllers/endpointslicemirroring/controller.h"
#include "controllers/garbagecollector/controller.h"
#include "controllers/namespaces/controller.h"
#include "controllers/nodeipam/controller.h"
#include "controllers/nodelifecycle/controller.h"
#include "controllers/nodelifecycle/taint_eviction.h"
#include "controllers/objects/informers.h"
#include "controllers/objects/served_kinds.h"
#include "controllers/podgc/controller.h"
#include "controllers/replicaset/controller.h"
#include "controllers/rootcacertpublisher/controller.h"
#include "controllers/serviceaccount/controller.h"
#include "controllers/serviceaccount/tokens.h"
#include "controllers/tokencleaner/controller.h"
#include "controllers/volumeprotection/claims.h"
#include "controllers/volumeprotection/volumes.h"
#include "lib/loop/task_scope.h"
#include "lib/telemetry/log.h"

#include <optional>

namespace wherry::controllers {
namespace {

constexpr telemetry::Logger log("controller-manager");

// The controllers, once the served kinds are known.
struct Controllers {
  Controllers(const Context& context, const App::Options& options,
              std::optional<nodeipam::CidrSet> ranges)
      : deployment(context),
        replica_set(context, replicaset::ReplicaSetAdapter()),
        replication_controller(context, replicaset::ReplicationControllerAdapter()),
        endpoints(context),
        endpoint_slice(context),
        endpoint_slice_mirroring(context),
        namespaces(context),
        garbage_collector(context),
        pod_gc(context, {.terminated_max = options.terminated_pods_max,
                         .quarantine = std::chrono::duration_cast<std::chrono::seconds>(
                             options.node_gone_quarantine)}),
        service_account(context),
        node_lifecycle(context, {.monitor_grace = options.node_monitor_grace}),
        taint_eviction(context),
        disruption_budgets(context),
        token_cleaner(context),
        claim_protection(context),
        volume_protection(context) {
    if (!options.root_ca_pem.empty()) root_ca_cert_publisher.emplace(context, options.root_ca_pem);
    if (!options.service_account_key_pem.empty()) {
      service_account_tokens.emplace(
          context, serviceaccount::Tokens::Options{.key_pem = options.service_account_key_pem,
                                                   .root_ca_pem = options.root_ca_pem});
    }
    if (ranges) node_ipam.emplace(context, std::move(*ranges));
  }

  void Start(TaskScope& scope) {
    deployment.Start(scope);
    replica_set.Start(scope);
    replication_controller.Start(scope);
    endpoints.Start(scope);
    endpoint_slice.Start(scope);
    endpoint_slice_mirroring.Start(scope);
    namespaces.Start(scope);
    garbage_collector.Start(scope);
    pod_gc.Start(scope);
    service_account.Start(scope);
    node_lifecycle.Start(scope);
    taint_eviction.Start(scope);
    disruption_budgets.Start(scope);
    token_cleaner.Start(scope);
    claim_protection.Start(scope);
    volume_protection.Start(scope);
    if (root_ca_cert_publisher) root_ca_cert_publisher->Start(scope);
    if (service_account_tokens) service_account_tokens->Start(scope);
    if (node_ipam) node_ipam->Start(scope);
  }

  deployment::Controller deployment;
  replicaset::Controller replica_set;
  replicaset::Controller replication_controller;
  endpoints::Controller endpoints;
  endpointslice::Controller endpoint_slice;
  endpointslicemirroring::Controller endpoint_slice_mirroring;
  namespaces::Controller namespaces;
  garbagecollector::Controller garbage_collector;
  podgc::Controller pod_gc;
  serviceaccount::Controller service_account;
  nodelifecycle::Controller node_lifecycle;
  nodelifecycle::TaintEviction taint_eviction;
  disruption::Controller disruption_budgets;
  tokencleaner::Controller token_cleaner;
  volumeprotection::Claims claim_protection;
  volumeprotection::Volumes volume_protection;
  std::optional<rootcacertpublisher::Controller> root_ca_cert_publisher;
  std::optional<serviceaccount::Tokens> service_account_tokens;
  std::optional<nodeipam::Controller> node_ipam;
};

}  // namespace

struct App::Impl {
  Impl(World& w, client::ApiClient& c, Options o)
      : world(w), client(c), options(std::move(o)), informers(w, c), scope(w.loop) {}

  Task<void> Run(std::optional<nodeipam::CidrSet> ranges) {
    auto kinds = co_await AwaitServedKinds(world, client);
    const Context context{world, client, informers, std::move(kinds)};
    controllers = std::make_unique<Controllers>(context, options, std::move(ranges));
    informers.Start();
    controllers->Start(scope);
    log.Info("controllers started", {});
  }

  World& world;
  client::ApiClient& client;
  Options options;
  // Destroyed from the bottom: first the tasks, then what they use, then the informers.
  Informers informers;
  std::unique_ptr<Controllers> controllers;
  TaskScope scope;
};

App::App(World& world, client::ApiClient& client, Options options)
    : impl_(std::make_unique<Impl>(world, client, std::move(options))) {}

App::~App() = default;

Status App::Start() {
  std::optional<nodeipam::CidrSet> ranges;
  if (!impl_->options.cluster_cidr.empty()) {
    TRY(ranges,
        nodeipam::CidrSet::Make(impl_->options.cluster_cidr, impl_->options.node_cidr_mask));
  }
  impl_->scope.Spawn("controllers", impl_->Run(std::move(ranges)));
  return Ok();
}

bool App::Ready() const { return impl_->controllers && impl_->informers.HasSynced(); }

}  // namespace wherry::controllers
