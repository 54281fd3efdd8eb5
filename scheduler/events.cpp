#include "scheduler/events.h"

#include "lib/api/pod_state.h"
#include "lib/api/same_labels.h"
#include "proto/api/core/v1.pb.h"
#include "scheduler/changes.h"

namespace wherry::scheduler {

namespace core = api::core::v1;
using framework::PodInfo;

void Events::FollowNodes(client::Informer& nodes) {
  nodes.AddHandlers({.on_change =
                         [this](const client::MessagePtr& before, const client::MessagePtr& after) {
                           const auto node = std::static_pointer_cast<const core::Node>(after);
                           cache_.SetNode(node);
                           if (MayMakeRoom(static_cast<const core::Node*>(before.get()), *node))
                             queue_.MoveAllToActive();
                         },
                     .on_delete =
                         [this](const client::MessagePtr& node) {
                           cache_.RemoveNode(
                               static_cast<const core::Node&>(*node).metadata().name());
                           queue_.MoveForPod(nullptr);
                         }});
}

void Events::FollowPods(client::Informer& pods) {
  pods.AddHandlers({.on_change =
                        [this](const client::MessagePtr& before, const client::MessagePtr& after) {
                          OnPod(std::static_pointer_cast<const core::Pod>(before),
                                std::static_pointer_cast<const core::Pod>(after));
                        },
                    .on_delete =
                        [this](const client::MessagePtr& pod) {
                          OnPodGone(static_cast<const core::Pod&>(*pod));
                        }});
}

void Events::FollowNamespaces(client::Informer& namespaces) {
  namespaces.AddHandlers(
      {.on_change =
           [this](const client::MessagePtr&, const client::MessagePtr& after) {
             const auto& metadata = static_cast<const core::Namespace&>(*after).metadata();
             const api::LabelMap labels(metadata.labels().begin(), metadata.labels().end());
             cache_.SetNamespace(metadata.name(), &labels);
             queue_.MoveForPod(nullptr);
           },
       .on_delete =
           [this](const client::MessagePtr& gone) {
             cache_.SetNamespace(static_cast<const core::Namespace&>(*gone).metadata().name(),
                                 nullptr);
           }});
}

void Events::OnPod(const framework::PodPtr& before, const framework::PodPtr& after) {
  if (api::IsPodTerminal(*after)) return OnPodGone(*after);
  if (!after->spec().nodename().empty()) return OnPlacedPod(before, after);
  if (after->spec().schedulername() != scheduler_name_) return;
  if (after->metadata().has_deletiontimestamp()) {
    queue_.Remove(after->metadata().uid());
    cache_.Unnominate(after->metadata().uid());
    return;
  }
  if (!after->spec().schedulinggates().empty()) return;
  auto info = std::make_shared<const PodInfo>(after);
  if (before != nullptr && !ChangedForScheduling(*before, *after)) {
    queue_.Update(std::move(info));
    return;
  }
  const std::string& nominated = after->status().nominatednodename();
  if (!nominated.empty()) cache_.Nominate(info, nominated);
  queue_.Add(std::move(info));
}

void Events::OnPlacedPod(const framework::PodPtr& before, const framework::PodPtr& after) {
  queue_.Remove(after->metadata().uid());
  reporter_.Drop(after->metadata().uid());
  auto placed = std::make_shared<const PodInfo>(after);
  cache_.SetPod(placed);
  if (before == nullptr || before->spec().nodename().empty())
    return queue_.MoveForPod(placed.get());
  // Labels that go may help as well as labels that come.
  if (!api::SameLabels(before->metadata().labels(), after->metadata().labels()))
    queue_.MoveForPod(nullptr);
}

void Events::OnPodGone(const core::Pod& pod) {
  queue_.Remove(pod.metadata().uid());
  reporter_.Drop(pod.metadata().uid());
  cache_.Unnominate(pod.metadata().uid());
  if (cache_.RemovePod(pod.metadata().uid())) queue_.MoveAllToActive();
}

}  // namespace wherry::scheduler
