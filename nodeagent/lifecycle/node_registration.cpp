#include "nodeagent/lifecycle/node_registration.h"

#include "lib/api/codec.h"
#include "lib/api/kind_registry.h"
#include "lib/api/time.h"
#include "lib/loop/with_timeout.h"
#include "lib/telemetry/log.h"
#include "nodeagent/lifecycle/extended_resources.h"
#include "proto/api/coordination/v1.pb.h"
#include "proto/api/core/v1.pb.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace wherry::nodeagent::lifecycle {

namespace {

using api::coordination::v1::Lease;
using api::core::v1::Node;

const telemetry::Logger log("kubelet");

constexpr std::chrono::minutes kStatusInterval{5};
constexpr std::chrono::seconds kLeaseInterval{10};
constexpr int32_t kLeaseSeconds = 40;
constexpr std::chrono::milliseconds kRetryMin{100};
constexpr std::chrono::seconds kRetryMax{7};
constexpr const char* kLeaseNamespace = "kube-node-lease";

client::ListOptions Only(const std::string& name) {
  client::ListOptions only;
  only.field_selector = "metadata.name=" + name;
  return only;
}

}  // namespace

NodeRegistration::NodeRegistration(World& world, client::ApiClient& client, Options options,
                                   std::function<NodeStatusInput()> describe)
    : world_(world),
      client_(client),
      options_(std::move(options)),
      describe_(std::move(describe)),
      name_(describe_().node_name),
      informer_(world, client, api::KindOf<Node>(), "", Only(name_)),
      wake_(world.loop),
      tasks_(world.loop) {
  client::Informer::Handlers handlers;
  handlers.on_change = [this](const client::MessagePtr&, const client::MessagePtr& object) {
    const auto& node = static_cast<const Node&>(*object);
    if (auto patch = ExtendedResourcesPatch(node.status()))
      tasks_.Spawn("offer extended resources", OfferExtendedResources(std::move(*patch)));
    if (cidr_told_ || node.spec().podcidr().empty()) return;
    cidr_told_ = true;
    if (options_.on_pod_cidr) options_.on_pod_cidr(node.spec().podcidr());
  };
  // Somebody deleted the node: it registers again.
  handlers.on_delete = [this](const client::MessagePtr&) {
    registered_ = false;
    tasks_.Spawn("register node", Register());
  };
  informer_.AddHandlers(std::move(handlers));
}

NodeRegistration::~NodeRegistration() { tasks_.Cancel(); }

void NodeRegistration::Start() {
  if (!options_.pod_cidr.empty()) {
    cidr_told_ = true;
    if (options_.on_pod_cidr) options_.on_pod_cidr(options_.pod_cidr);
  }
  informer_.Start();
  tasks_.Spawn("register node", Register());
  tasks_.Spawn("keep node status", KeepStatus());
  tasks_.Spawn("keep node lease", KeepLease());
}

void NodeRegistration::Changed() {
  changed_ = true;
  wake_.Notify();
}

std::shared_ptr<const Node> NodeRegistration::node() const {
  return std::static_pointer_cast<const Node>(informer_.Get(name_));
}

Task<void> NodeRegistration::Register() {
  std::chrono::nanoseconds retry = kRetryMin;
  while (true) {
    auto trying = CreateOrAdopt();
    auto done = co_await std::move(trying);
    if (done.ok()) break;
    log.Warn("node not registered, will be retried",
             {{"node", name_}, {"error", done.error().message}});
    co_await SleepFor(world_.loop, retry);
    retry = std::min<std::chrono::nanoseconds>(retry * 2, kRetryMax);
  }
  registered_ = true;
  log.Info("node registered", {{"node", name_}});
}

Task<Status> NodeRegistration::CreateOrAdopt() {
  const NodeStatusInput input = describe_();
  auto node = std::make_shared<Node>();
  node->mutable_metadata()->set_name(name_);
  const std::map<std::string, std::string> labels = NodeLabels(input, options_.labels);
  for (const auto& [key, value] : labels)
    (*node->mutable_metadata()->mutable_labels())[key] = value;
  if (!options_.pod_cidr.empty()) {
    node->mutable_spec()->set_podcidr(options_.pod_cidr);
    node->mutable_spec()->add_podcidrs(options_.pod_cidr);
  }
  *node->mutable_status() = MakeNodeStatus(input, node->status());
  auto status = std::make_unique<api::core::v1::NodeStatus>(node->status());
  auto creating = client_.Create("", node);
  auto created = co_await std::move(creating);
  if (created.ok()) {
    written_ = std::move(status);
    co_return Ok();
  }
  if (created.error().reason != Reason::kAlreadyExists) co_return std::move(created).error();

  json::Value patch;
  for (const auto& [key, value] : labels) patch["metadata"]["labels"][key] = value;
  auto patching = client_.Patch(api::KindOf<Node>(), "", name_, client::PatchType::kMerge,
                                json::Dump(patch), "");
  auto patched = co_await std::move(patching);
  if (!patched.ok()) co_return std::move(patched).error();
  written_ =
      std::make_unique<api::core::v1::NodeStatus>(static_cast<const Node&>(**patched).status());
  auto writing = WriteStatus();
  auto written = co_await std::move(writing);
  co_return written;
}

Task<Status> NodeRegistration::WriteStatus() {
  const auto known = node();
  const api::core::v1::NodeStatus& before =
      known ? known->status()
            : (written_ ? *written_ : api::core::v1::NodeStatus::default_instance());
  auto status = std::make_unique<api::core::v1::NodeStatus>(MakeNodeStatus(describe_(), before));
  json::Value patch;
  patch["status"] = api::ToDocument(*status);
  // Addresses merge by type; what is no longer true must go.
  patch["status"]["addresses"].push_back({{"$patch", "replace"}});
  auto patching = client_.Patch(api::KindOf<Node>(), "", name_, client::PatchType::kStrategicMerge,
                                json::Dump(patch), "status");
  auto patched = co_await std::move(patching);
  if (!patched.ok()) co_return std::move(patched).error();
  written_ = std::move(status);
  co_return Ok();
}

// A failure waits for the next change of the node: its status is told every five minutes.
Task<void> NodeRegistration::OfferExtendedResources(std::string patch) {
  auto patching = client_.Patch(api::KindOf<Node>(), "", name_, client::PatchType::kMerge,
                                std::move(patch), "status");
  auto patched = co_await std::move(patching);
  if (!patched.ok())
    log.Warn("extended resources not offered",
             {{"node", name_}, {"error", patched.error().message}});
}

Task<void> NodeRegistration::KeepStatus() {
  std::chrono::nanoseconds retry = kRetryMin;
  MonotonicTime due = world_.loop.MonotonicNow() + kStatusInterval;
  while (true) {
    const auto left = due - world_.loop.MonotonicNow();
    if (!changed_ && left > std::chrono::nanoseconds(0)) {
      // The condition is looked at again: the waiting starts in a later turn.
      auto change = [](NodeRegistration& self) -> Task<Result<Unit>> {
        while (!self.changed_) co_await self.wake_.Wait();
        co_return Unit{};
      };
      auto wait = WithTimeout<Unit>(world_.loop, left, change(*this));
      auto woken = co_await std::move(wait);
      Ignore(woken, "both ends of the wait lead to the same look");
    }
    changed_ = false;
    const bool regular = world_.loop.MonotonicNow() >= due;
    if (regular) due = world_.loop.MonotonicNow() + kStatusInterval;
    if (!registered_) continue;
    if (!regular && written_ && !WorthTelling(*written_, MakeNodeStatus(describe_(), *written_)))
      continue;
    auto writing = WriteStatus();
    auto written = co_await std::move(writing);
    if (written.ok()) {
      retry = kRetryMin;
      continue;
    }
    log.Warn("node status not written, will be retried",
             {{"node", name_}, {"error", written.error().message}});
    co_await SleepFor(world_.loop, retry);
    retry = std::min<std::chrono::nanoseconds>(retry * 2, kRetryMax);
    changed_ = true;
    written_.reset();
  }
}

Task<void> NodeRegistration::KeepLease() {
  std::chrono::nanoseconds retry = kRetryMin;
  while (true) {
    auto renewing = RenewLease();
    auto renewed = co_await std::move(renewing);
    if (renewed.ok()) {
      retry = kRetryMin;
      co_await SleepFor(world_.loop, kLeaseInterval);
      continue;
    }
    // The next try reads it again: another hand may have changed it.
    lease_ = nullptr;
    if (renewed.error().reason != Reason::kConflict)
      log.Warn("node lease not renewed, will be retried",
               {{"node", name_}, {"error", renewed.error().message}});
    co_await SleepFor(world_.loop, retry);
    retry = std::min<std::chrono::nanoseconds>(retry * 2, kRetryMax);
  }
}

Task<Status> NodeRegistration::RenewLease() {
  if (!lease_) {
    auto getting = client_.Get(api::KindOf<Lease>(), kLeaseNamespace, name_);
    auto found = co_await std::move(getting);
    if (found.ok()) lease_ = std::move(found).value();
    if (!found.ok() && found.error().reason != Reason::kNotFound)
      co_return std::move(found).error();
  }
  auto lease = std::make_shared<Lease>();
  if (lease_) *lease = static_cast<const Lease&>(*lease_);
  lease->mutable_metadata()->set_name(name_);
  lease->mutable_metadata()->set_namespace_(kLeaseNamespace);
  lease->mutable_spec()->set_holderidentity(name_);
  lease->mutable_spec()->set_leasedurationseconds(kLeaseSeconds);
  api::SetMicroTime(lease->mutable_spec()->mutable_renewtime(), world_.clock.Now());
  if (const auto owner = node(); owner && lease->metadata().ownerreferences_size() == 0) {
    auto* reference = lease->mutable_metadata()->add_ownerreferences();
    reference->set_apiversion("v1");
    reference->set_kind("Node");
    reference->set_name(name_);
    reference->set_uid(owner->metadata().uid());
  }
  if (lease_) {
    auto updating = client_.Update(lease);
    auto updated = co_await std::move(updating);
    if (!updated.ok()) co_return std::move(updated).error();
    lease_ = std::move(updated).value();
    co_return Ok();
  }
  auto creating = client_.Create(kLeaseNamespace, lease);
  auto created = co_await std::move(creating);
  if (!created.ok()) co_return std::move(created).error();
  lease_ = std::move(created).value();
  co_return Ok();
}

}  // namespace wherry::nodeagent::lifecycle
