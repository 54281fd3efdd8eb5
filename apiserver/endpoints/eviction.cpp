#include "apiserver/endpoints/check_names.h"
#include "apiserver/endpoints/decode.h"
#include "apiserver/endpoints/delete_options.h"
#include "apiserver/request/status.h"
#include "apiserver/storage/cacher/cacher.h"
#include "lib/api/kind_registry.h"
#include "lib/api/labels.h"
#include "lib/api/object_meta.h"
#include "lib/api/pod_state.h"
#include "lib/api/time.h"
#include "lib/loop/world.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/policy/v1.pb.h"

namespace wherry::apiserver::endpoints {

using api::core::v1::Pod;
using api::policy::v1::PodDisruptionBudget;
using google::protobuf::Message;
using EvictionObject = api::policy::v1::Eviction;

namespace {

// Spends one disruption of a budget; its controller counts them.
class BudgetStrategy : public registry::UpdateStrategy {
 public:
  void PrepareForUpdate(const registry::Context&, Message&, const Message&) const override {}
};

// Whether the pod may go without asking a budget: it does nothing anyway.
bool IgnoresBudgets(const Pod& pod) {
  return api::IsPodTerminal(pod) || pod.status().phase() == "Pending" ||
         pod.metadata().has_deletiontimestamp();
}

// So many evictions have been granted that the budget's controller has not seen yet.
constexpr int kDisruptedPodsMax = 2'000;

Error TooMany(const std::string& budget, int32_t healthy, int32_t desired) {
  Error error = MakeError(Reason::kTooManyRequests,
                          "Cannot evict pod as it would violate the pod's disruption budget.");
  error.details.causes.push_back({"DisruptionBudget",
                                  "The disruption budget " + budget + " needs " +
                                      std::to_string(desired) + " healthy pods and has " +
                                      std::to_string(healthy) + " currently",
                                  ""});
  return error;
}

Error StillProcessed(const std::string& budget) {
  Error busy = MakeError(Reason::kTooManyRequests,
                         "Cannot evict pod as it would violate the pod's disruption budget.");
  busy.details.retry_after_seconds = 10;
  busy.details.causes.push_back(
      {"DisruptionBudget",
       "The disruption budget " + budget + " is still being processed by the server.", ""});
  return busy;
}

// The budget with one disruption fewer, and the pod among those that are going.
Result<std::unique_ptr<Message>> Spent(const Message& current, const std::string& pod_name,
                                       WallTime now) {
  auto budget =
      std::make_unique<PodDisruptionBudget>(registry::Typed<PodDisruptionBudget>(current));
  auto& status = *budget->mutable_status();
  if (status.observedgeneration() < budget->metadata().generation()) {
    return StillProcessed(budget->metadata().name());
  }
  const ResourceName resource{"policy", "poddisruptionbudget"};
  if (status.disruptionsallowed() < 0) {
    return ForbiddenError(resource, budget->metadata().name(),
                          "pdb disruptions allowed is negative");
  }
  if (status.disruptedpods_size() > kDisruptedPodsMax) {
    return ForbiddenError(resource, budget->metadata().name(),
                          "DisruptedPods map too big - too many evictions not confirmed by PDB "
                          "controller");
  }
  if (status.disruptionsallowed() == 0) {
    return TooMany(budget->metadata().name(), status.currenthealthy(), status.desiredhealthy());
  }
  status.set_disruptionsallowed(status.disruptionsallowed() - 1);
  api::SetTime(&(*status.mutable_disruptedpods())[pod_name], now);
  return std::unique_ptr<Message>(std::move(budget));
}

// Names of the budgets that select the pod.
Task<Result<std::vector<std::string>>> BudgetsOf(Environment& environment, const Pod& pod) {
  const Resource& budgets = *environment.store.resources().Find(api::KindOf<PodDisruptionBudget>());
  storage::ObjectListOptions wanted;
  wanted.selection.prefix = budgets.Prefix(pod.metadata().namespace_());
  auto listing = environment.store.cacher().ListObjects(std::move(wanted));
  CO_TRY(storage::ObjectList listed, co_await std::move(listing));
  std::vector<std::string> names;
  for (const auto& object : listed.items) {
    CO_TRY(auto message, object->message());
    const auto& budget = registry::Typed<PodDisruptionBudget>(*message);
    if (!budget.spec().has_selector()) continue;
    auto selector = api::Selector::FromLabelSelector(budget.spec().selector());
    if (selector.ok() && selector->Matches(pod)) names.push_back(budget.metadata().name());
  }
  co_return names;
}

// Whether an unready pod may go without spending: it counts among the healthy ones in no way.
bool MayGoUnready(const PodDisruptionBudget& budget) {
  const auto& status = budget.status();
  return budget.spec().unhealthypodevictionpolicy() == "AlwaysAllow" ||
         (status.currenthealthy() >= status.desiredhealthy() && status.desiredhealthy() > 0);
}

// What an eviction found out about the budgets of a pod.
struct Permission {
  std::string budget;         // "" when there is none
  bool if_unchanged = false;  // holds for the pod as it was seen
};

Task<Result<Permission>> SpendBudget(Environment& environment, const Pod& pod,
                                     registry::Caller caller) {
  static const BudgetStrategy strategy;
  Permission permission;
  auto looking = BudgetsOf(environment, pod);
  CO_TRY(std::vector<std::string> names, co_await std::move(looking));
  if (names.empty()) co_return permission;
  if (names.size() > 1) {
    co_return MakeError(Reason::kInternalError,
                        "This pod has more than one PodDisruptionBudget, which the eviction "
                        "subresource does not support.");
  }
  permission.budget = names[0];
  const Resource& budgets = *environment.store.resources().Find(api::KindOf<PodDisruptionBudget>());
  auto object = environment.store.Get(budgets, pod.metadata().namespace_(), names[0]);
  if (object && !api::IsPodReady(pod)) {
    CO_TRY(auto budget, object->message());
    if (MayGoUnready(registry::Typed<PodDisruptionBudget>(*budget))) {
      permission.if_unchanged = true;
      co_return permission;
    }
  }
  registry::UpdateRequest update;
  update.ns = pod.metadata().namespace_();
  update.name = names[0];
  update.strategy = &strategy;
  WallTime now = environment.world.clock.Now();
  std::string pod_name = pod.metadata().name();
  update.updater = [pod_name, now](const Message* current) {
    return Spent(*current, pod_name, now);
  };
  caller.subresource = "status";
  auto updating = environment.store.Update(budgets, std::move(caller), std::move(update));
  CO_TRY_STATUS(co_await std::move(updating));
  co_return permission;
}

// A body of policy/v1, or of v1beta1, which has the same fields: `kubectl drain` of before 1.22.
Result<std::unique_ptr<Message>> DecodeEviction(ApiRequest& request, FieldValidation validation) {
  static const api::KindInfo beta = [] {
    api::KindInfo kind = api::KindOf<EvictionObject>();
    kind.group_version.version = "v1beta1";
    return kind;
  }();
  const bool older = ApiVersionOfBody(request) == beta.ApiVersion();
  return DecodeBody(request, older ? beta : api::KindOf<EvictionObject>(), validation);
}

// How the pod is deleted: as the body says, and dry where body or query say so.
Result<DeleteParameters> DeletionOf(const EvictionObject& eviction, const ApiRequest& request) {
  const auto& asked = eviction.deleteoptions();
  const std::vector<std::string> in_query = request.query.All("dryRun");
  const std::vector<std::string> in_body(asked.dryrun().begin(), asked.dryrun().end());
  if (!in_query.empty() && !in_body.empty() && in_query != in_body) {
    return BadRequestError("Non-matching dry-run options in request and content");
  }
  TRY(DeleteParameters deletion, CheckedDeleteOptions(asked));
  deletion.write.dry_run = deletion.write.dry_run || !in_query.empty();
  return deletion;
}

}  // namespace

// Source: pkg/registry/core/pod/storage/eviction.go.
Reply Eviction(Environment& environment, const Resource& resource, ApiRequest& request) {
  CO_TRY(WriteParameters parameters, ParseWriteParameters(request.query, "CreateOptions"));
  CO_TRY(std::unique_ptr<Message> body, DecodeEviction(request, parameters.field_validation));
  const auto& eviction = registry::Typed<EvictionObject>(*body);
  CO_TRY_STATUS(CheckNamespace(request.info, *body));
  const std::string name = request.info.name;
  if (!eviction.metadata().name().empty() && eviction.metadata().name() != name) {
    co_return BadRequestError("name in URL does not match name in Eviction object");
  }
  auto object = environment.store.Get(resource, request.info.ns, name);
  if (!object) co_return NotFoundError(resource.name(), name);
  CO_TRY(auto message, object->message());
  const auto& pod = registry::Typed<Pod>(*message);
  CO_TRY(DeleteParameters deletion, DeletionOf(eviction, request));
  parameters.dry_run = deletion.write.dry_run;
  registry::Caller caller = CallerOf(request, parameters);
  // Before a budget is spent on a pod that the caller may not delete.
  CO_TRY_STATUS(environment.store.CheckRestrictions(resource, environment.store.MakeContext(caller),
                                                    nullptr, &pod));
  Permission permission;
  if (!IgnoresBudgets(pod)) {
    auto spending = SpendBudget(environment, pod, caller);
    CO_TRY(permission, co_await std::move(spending));
  }
  registry::DeleteOptions options = std::move(deletion.options);
  // A pod that became ready meanwhile counts again.
  bool added = permission.if_unchanged && options.resource_version.empty();
  if (added) options.resource_version = pod.metadata().resourceversion();
  auto deleting = environment.store.Delete(resource, std::move(caller), request.info.ns, name,
                                           std::move(options));
  auto deleted = co_await std::move(deleting);
  if (!deleted.ok() && added && deleted.error().reason == Reason::kConflict) {
    co_return StillProcessed(permission.budget);
  }
  if (!deleted.ok()) co_return std::move(deleted).error();
  co_return SuccessResponse(201, resource.name(), "", "", request.accepted);
}

}  // namespace wherry::apiserver::endpoints
