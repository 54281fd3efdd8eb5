#include "tests/support/fake_kubelet.h"

#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "lib/api/time.h"
#include "proto/api/coordination/v1.pb.h"
#include "proto/api/core/v1.pb.h"
#include "tests/support/parse.h"

namespace wherry::testing {
namespace {

namespace core = api::core::v1;
using api::coordination::v1::Lease;

constexpr std::chrono::milliseconds kAgain{200};
constexpr char kLeases[] = "kube-node-lease";

}  // namespace

FakeKubelet::FakeKubelet(World& world, client::ApiClient& client, Options options)
    : world_(world), client_(client), options_(std::move(options)), scope_(world.loop) {
  client::ListOptions mine;
  mine.field_selector = "spec.nodeName=" + options_.name;
  pods_ = std::make_unique<client::Informer>(world_, client_, api::KindOf<core::Pod>(), "", mine);
  pods_->AddHandlers({
      .on_change =
          [this](const auto&, const auto& pod) {
            const auto& meta = api::MetaOf(*pod);
            if (meta.has_deletiontimestamp()) {
              if (stopped_.insert(meta.uid()).second) scope_.Spawn("stop pod", StopPod(pod));
            } else if (started_.insert(meta.uid()).second) {
              scope_.Spawn("start pod", StartPod(pod));
            }
          },
      .on_delete = nullptr,
  });
}

FakeKubelet::~FakeKubelet() = default;

void FakeKubelet::Start() {
  scope_.Spawn("register", Register());
  scope_.Spawn("heartbeat", Heartbeat());
  pods_->Start();
}

Task<void> FakeKubelet::SleepUpTo(std::chrono::milliseconds max) {
  const auto bound = static_cast<uint64_t>(max.count()) + 1;
  co_await SleepFor(world_.loop, std::chrono::milliseconds(world_.random.Below(bound)));
}

Task<void> FakeKubelet::Register() {
  auto node = Parse<core::Node>(
      R"({"status":{"conditions":[{"type":"Ready","status":"True","reason":"KubeletReady",
          "lastHeartbeatTime":"2023-11-14T22:00:00Z","lastTransitionTime":"2023-11-14T22:00:00Z"}],
          "capacity":{"cpu":"64","memory":"256Gi","pods":"110"},
          "allocatable":{"cpu":"64","memory":"256Gi","pods":"110"}}})");
  for (auto* list :
       {node->mutable_status()->mutable_capacity(), node->mutable_status()->mutable_allocatable()})
    (*list)["pods"].set_string(std::to_string(options_.pods_max));
  node->mutable_metadata()->set_name(options_.name);
  const client::MessagePtr object = node;
  while (true) {
    auto created = co_await client_.Create("", object);
    if (created.ok()) co_return;
    if (created.error().reason == Reason::kAlreadyExists) {
      // It is back: whatever was said of it meanwhile, it is ready.
      auto posted = co_await client_.Patch(
          api::KindOf(*node), "", options_.name, client::PatchType::kStrategicMerge,
          R"({"status":{"conditions":[{"type":"Ready","status":"True","reason":"KubeletReady"}]}})",
          "status");
      if (posted.ok()) co_return;
    }
    co_await SleepFor(world_.loop, kAgain);
  }
}

Task<void> FakeKubelet::Heartbeat() {
  const auto& kind = api::KindOf<Lease>();
  while (true) {
    auto found = co_await client_.Get(kind, kLeases, options_.name);
    auto lease = found.ok() ? std::make_shared<Lease>(static_cast<const Lease&>(**found))
                            : std::make_shared<Lease>();
    lease->mutable_metadata()->set_name(options_.name);
    lease->mutable_metadata()->set_namespace_(kLeases);
    lease->mutable_spec()->set_holderidentity(options_.name);
    lease->mutable_spec()->set_leasedurationseconds(40);
    api::SetMicroTime(lease->mutable_spec()->mutable_renewtime(), world_.clock.Now());
    const client::MessagePtr object = lease;
    bool beaten = false;
    if (found.ok()) {
      auto updated = co_await client_.Update(object);
      beaten = updated.ok();
    } else {
      auto created = co_await client_.Create(kLeases, object);
      beaten = created.ok();
    }
    co_await SleepFor(world_.loop, beaten ? std::chrono::milliseconds(10'000) : kAgain);
  }
}

Task<void> FakeKubelet::StartPod(client::MessagePtr pod) {
  co_await SleepUpTo(options_.start_delay_max);
  const auto& meta = api::MetaOf(*pod);
  const int address = ++addresses_;
  const std::string ip =
      "10.244." + std::to_string(address / 250) + "." + std::to_string(address % 250 + 1);
  while (!stopped_.contains(meta.uid())) {
    const std::string now = api::FormatTime(world_.clock.Now());
    std::string patch =
        R"({"metadata":{"uid":")" + meta.uid() + R"("},"status":{"phase":"Running","podIP":")" +
        ip + R"(","podIPs":[{"ip":")" + ip +
        R"("}],"conditions":[{"type":"Ready","status":"True","lastTransitionTime":")" + now +
        R"("}]}})";
    auto patched =
        co_await client_.Patch(api::KindOf(*pod), meta.namespace_(), meta.name(),
                               client::PatchType::kStrategicMerge, std::move(patch), "status");
    if (patched.ok() || patched.error().reason == Reason::kNotFound) co_return;
    co_await SleepFor(world_.loop, kAgain);
  }
}

Task<void> FakeKubelet::StopPod(client::MessagePtr pod) {
  co_await SleepUpTo(options_.stop_delay_max);
  const auto& meta = api::MetaOf(*pod);
  client::DeleteOptions options;
  options.uid = meta.uid();
  options.grace_period_seconds = 0;
  while (true) {
    auto deleted =
        co_await client_.Delete(api::KindOf(*pod), meta.namespace_(), meta.name(), options);
    if (deleted.ok()) co_return;
    const Reason reason = deleted.error().reason;
    if (reason == Reason::kNotFound || reason == Reason::kConflict) co_return;
    co_await SleepFor(world_.loop, kAgain);
  }
}

}  // namespace wherry::testing
