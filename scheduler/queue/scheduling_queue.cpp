#include "scheduler/queue/scheduling_queue.h"

#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::scheduler::queue {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kBackoffFirst = 1s;
constexpr std::chrono::seconds kBackoffMax = 10s;

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
  }
}

void SchedulingQueue::MoveAllToActive() {
  ++moves_;
  for (auto& [uid, entry] : entries_) {
    if (entry.place == Place::kUnschedulable) ActivateAfterBackoff(uid, entry);
  }
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
  entry.timer = world_.loop.RunAt(entry.backoff_until, [this, uid] {
    Entry& waiting = entries_.at(uid);
    waiting.timer = 0;
    Activate(uid, waiting);
  });
}

void SchedulingQueue::TakeOut(Entry& entry) {
  if (entry.place == Place::kActive) active_.erase(RankOf(entry));
  if (entry.timer != 0) world_.loop.CancelTimer(std::exchange(entry.timer, 0));
}

}  // namespace wherry::scheduler::queue
