#pragma once

#include "lib/loop/sync.h"
#include "lib/loop/world.h"
#include "scheduler/framework/node_info.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>

namespace wherry::scheduler::queue {

// Pods that wait for a node. Active ones are taken by priority, then by age. One that found no node
// waits until something in the cluster changes that may help it, at most five minutes, and then at
// least its back-off (1 s doubled per attempt, at most 10 s). Source:
// pkg/scheduler/internal/queue/scheduling_queue.go.
//
// Loop thread. The world outlives it.
class SchedulingQueue {
 public:
  explicit SchedulingQueue(World& world) : world_(world), changed_(world.loop) {}
  ~SchedulingQueue();
  SchedulingQueue(const SchedulingQueue&) = delete;

  // New or changed: it may be tried at once.
  void Add(framework::PodInfoPtr pod);
  // Changed in nothing that scheduling depends on: kept for the next attempt, and the pod waits on.
  // One that is not in the queue does not get there.
  void Update(framework::PodInfoPtr pod);
  void Remove(const std::string& uid);
  // No node was found (or binding failed, `retry`: then only the back-off is waited for).
  void AddUnschedulable(framework::PodInfoPtr pod, bool retry);
  // Something changed that may make room: all that wait for a change become active after their
  // back-off.
  void MoveAllToActive();
  // A pod was placed, or changed its labels: that may help those whose rules look at other pods.
  // Null: any pod may have.
  void MoveForPod(const framework::PodInfo* placed);

  // Waits for the next pod. One caller.
  Task<framework::PodInfoPtr> Pop();

  // Popped, and neither changed nor removed since.
  bool IsBeingTried(const std::string& uid) const;

  size_t size() const { return entries_.size(); }

 private:
  enum class Place { kActive, kBackoff, kUnschedulable, kPopped };
  struct Entry {
    framework::PodInfoPtr pod;
    Place place = Place::kActive;
    int attempts = 0;
    uint64_t sequence = 0;
    uint64_t moves_when_popped = 0;
    MonotonicTime backoff_until{};
    Loop::TimerId timer = 0;  // the end of the back-off, or of the longest wait
  };
  // Highest priority first, then first come.
  using Rank = std::pair<int64_t, uint64_t>;
  static Rank RankOf(const Entry& entry);
  void Activate(const std::string& uid, Entry& entry);
  void ActivateAfterBackoff(const std::string& uid, Entry& entry);
  void TakeOut(Entry& entry);
  void WakeAt(const std::string& uid, Entry& entry, MonotonicTime when);

  World& world_;
  Notifier changed_;
  std::unordered_map<std::string, Entry> entries_;  // by uid
  std::map<Rank, std::string> active_;
  std::set<std::string> unschedulable_;  // uids; so that a move costs nothing when none waits
  uint64_t last_sequence_ = 0;
  uint64_t moves_ = 0;  // how often MoveAllToActive was called
};

}  // namespace wherry::scheduler::queue
