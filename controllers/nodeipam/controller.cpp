#include "controllers/nodeipam/controller.h"

#include "controllers/objects/worker.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::controllers::nodeipam {
namespace {

constexpr int kWorkers = 4;

}  // namespace

Controller::Controller(Context context, CidrSet ranges)
    : world_(context.world),
      client_(context.client),
      nodes_(context.informers.For(api::KindOf<corev1::Node>())),
      ranges_(std::move(ranges)),
      queue_(world_, "node_ipam"),
      recorder_(world_, client_, "cidrAllocator") {
  nodes_.AddHandlers({
      .on_change =
          [this](const auto&, const auto& object) {
            const auto& node = *As<corev1::Node>(object);
            const std::string& name = node.metadata().name();
            const std::string& range = node.spec().podcidr();
            if (range.empty()) return queue_.Add(name);
            auto& held = held_[name];
            if (held == range) return;
            if (!held.empty()) ranges_.Release(held);
            ranges_.Occupy(range);
            held = range;
          },
      .on_delete =
          [this](const auto& object) {
            const auto it = held_.find(api::MetaOf(*object).name());
            if (it == held_.end()) return;
            ranges_.Release(it->second);
            held_.erase(it);
          },
  });
}

// Only with all nodes known is it known what is free.
void Controller::Start(TaskScope& scope) {
  RunWorkers(scope, queue_, kWorkers, {&nodes_},
             [this](std::string name) { return Sync(std::move(name)); });
}

Task<Status> Controller::Sync(std::string name) {
  const auto node = As<corev1::Node>(nodes_.Get(name));
  if (!node || !node->spec().podcidr().empty()) co_return Ok();
  if (!held_.contains(name)) {
    auto range = ranges_.Allocate();
    if (!range.ok()) {
      recorder_.Event(*node, "Normal", "CIDRNotAvailable",
                      "Node " + name + " status is now: CIDRNotAvailable");
      co_return std::move(range).error();
    }
    held_[name] = std::move(range).value();
  }
  const std::string range = held_[name];
  // The uid refuses a namesake; a range, once set, cannot be changed.
  std::string patch = R"({"metadata":{"uid":")" + node->metadata().uid() +
                      R"("},"spec":{"podCIDR":")" + range + R"(","podCIDRs":[")" + range +
                      R"("]}})";
  auto patched = co_await client_.Patch(api::KindOf(*node), "", name,
                                        client::PatchType::kStrategicMerge, std::move(patch), "");
  if (patched.ok() || patched.error().reason == Reason::kNotFound) co_return Ok();
  co_return std::move(patched).error();
}

}  // namespace wherry::controllers::nodeipam
