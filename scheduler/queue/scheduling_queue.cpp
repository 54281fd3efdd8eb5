#include "scheduler/queue/scheduling_queue.h"

#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace wherry::scheduler::queue {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kBackoffFirst = 1s;
constexpr std::chrono::seconds kBackoffMax = 10s;
// Not every change that helps is known to help.
constexpr std::chrono::seconds kUnschedulableMax = 5min;

std::chrono::seconds BackoffOf(int attempts) {
  std::chrono::seconds backoff = kBackoffFirst;
  for (int i = 1; i < attempts && backoff < kBackoffMax; ++i) backoff *= 2;
  return std::min(backoff, kBackoffMax);
}

}  // namespace

SchedulingQueue::~SchedulingQueue() {
  for (auto& [uid, entry] : entries_) world_.loop.CancelTimer(entry.timer);
}

SchedulingQueue::Rank SchedulingQueue::RankOf(const Entry& entry) {
  return {-static_cast<int64_t>(entry.pod->pod->spec().priority()), entry.sequence};
}

void SchedulingQueue::Add(framework::PodInfoPtr pod) {
  const std::string uid = pod->pod->metadata().uid();
  auto [found, inserted] = entries_.try_emplace(uid);
  Entry& entry = found->second;
  if (!inserted) TakeOut(entry);
  entry.pod = std::move(pod);
  if (entry.sequence == 0) entry.sequence = ++last_sequence_;
  Activate(uid, entry);
}

void SchedulingQueue::Update(framework::PodInfoPtr pod) {
  auto found = entries_.find(pod->pod->metadata().uid());
  if (found != entries_.end()) found->second.pod = std::move(pod);
}

void SchedulingQueue::Remove(const std::string& uid) {
  auto found = entries_.find(uid);
  if (found == entries_.end()) return;
  TakeOut(found->second);
  entries_.erase(found);
}

void SchedulingQueue::AddUnschedulable(framework::PodInfoPtr pod, bool retry) {
  const std::string uid = pod->pod->metadata().uid();
  auto found = entries_.find(uid);
  // Removed while it was being scheduled, or changed and queued again.
  if (found == entries_.end() || found->second.place != Place::kPopped) return;
  Entry& entry = found->second;
  entry.backoff_until = world_.loop.MonotonicNow() + BackoffOf(entry.attempts);
  // What moved while this pod was being tried may have made room for it.
  if (retry || entry.moves_when_popped != moves_) {
    ActivateAfterBackoff(uid, entry);
  } else {
    entry.place = Place::kUnschedulable;
    unschedulable_.insert(uid);
    WakeAt(uid, entry, world_.loop.MonotonicNow() + kUnschedulableMax);
  }
}

void SchedulingQueue::MoveAllToActive() {
  ++moves_;
  for (const std::string& uid : std::exchange(unschedulable_, {})) {
    Entry& entry = entries_.at(uid);
    TakeOut(entry);
    ActivateAfterBackoff(uid, entry);
  }
}

void SchedulingQueue::MoveForPod(const framework::PodInfo* placed) {
  std::vector<std::string> helped;
  for (const std::string& uid : unschedulable_) {
    if (entries_.at(uid).pod->MayBeHelpedBy(placed)) helped.push_back(uid);
  }
  for (const std::string& uid : helped) {
    Entry& entry = entries_.at(uid);
    TakeOut(entry);
    ActivateAfterBackoff(uid, entry);
  }
}

bool SchedulingQueue::IsBeingTried(const std::string& uid) const {
  auto found = entries_.find(uid);
  return found != entries_.end() && found->second.place == Place::kPopped;
}

Task<framework::PodInfoPtr> SchedulingQueue::Pop() {
  while (active_.empty()) co_await changed_.Wait();
  const std::string uid = active_.begin()->second;
  active_.erase(active_.begin());
  Entry& entry = entries_.at(uid);
  entry.place = Place::kPopped;
  entry.moves_when_popped = moves_;
  ++entry.attempts;
  co_return entry.pod;
}

void SchedulingQueue::Activate(const std::string& uid, Entry& entry) {
  entry.place = Place::kActive;
  active_.emplace(RankOf(entry), uid);
  changed_.Notify();
}

void SchedulingQueue::ActivateAfterBackoff(const std::string& uid, Entry& entry) {
  if (entry.backoff_until <= world_.loop.MonotonicNow()) {
    Activate(uid, entry);
    return;
  }
  entry.place = Place::kBackoff;
  WakeAt(uid, entry, entry.backoff_until);
}

void SchedulingQueue::WakeAt(const std::string& uid, Entry& entry, MonotonicTime when) {
  entry.timer = world_.loop.RunAt(when, [this, uid] {
    Entry& waiting = entries_.at(uid);
    waiting.timer = 0;
    TakeOut(waiting);
    Activate(uid, waiting);
  });
}

void SchedulingQueue::TakeOut(Entry& entry) {
  if (entry.place == Place::kActive) active_.erase(RankOf(entry));
  if (entry.place == Place::kUnschedulable) unschedulable_.erase(entry.pod->pod->metadata().uid());
  if (entry.timer != 0) world_.loop.CancelTimer(std::exchange(entry.timer, 0));
}

}  // namespace wherry::scheduler::queue
