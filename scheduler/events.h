#pragma once

#include "lib/client/informer.h"
#include "scheduler/cache/cache.h"
#include "scheduler/queue/scheduling_queue.h"
#include "scheduler/report.h"

#include <memory>
#include <string>

namespace wherry::scheduler {

// Brings what the watches tell into the cache and the queue, and says which waiting pods are worth
// another try. Loop thread; all that is given outlives
// it.
// Source: upstream pkg/scheduler/eventhandlers.go.
class Events {
 public:
  Events(cache::Cache& cache, queue::SchedulingQueue& queue, Reporter& reporter,
         std::string scheduler_name)
      : cache_(cache),
        queue_(queue),
        reporter_(reporter),
        scheduler_name_(std::move(scheduler_name)) {}

  // Before the informers start.
  void FollowNodes(client::Informer& nodes);
  void FollowPods(client::Informer& pods);
  void FollowNamespaces(client::Informer& namespaces);

 private:
  void OnPod(const framework::PodPtr& before, const framework::PodPtr& after);
  void OnPlacedPod(const framework::PodPtr& before, const framework::PodPtr& after);
  void OnPodGone(const api::core::v1::Pod& pod);

  cache::Cache& cache_;
  queue::SchedulingQueue& queue_;
  Reporter& reporter_;
  std::string scheduler_name_;
};

}  // namespace wherry::scheduler
