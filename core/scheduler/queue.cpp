#include "core/scheduler/queue.hpp"

#include <algorithm>

namespace gantry::scheduler {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kFirstBackoff = 1 * kSecond;
constexpr int64_t kMaxBackoff = 10 * kSecond;
constexpr int64_t kMaxUnschedulable = 300 * kSecond;  // tried again then even if nothing seems to have changed

}  // namespace

bool SchedulingQueue::Order::operator()(const PodPtr& a, const PodPtr& b) const {
  if (a->priority != b->priority) return a->priority > b->priority;
  if (a->created_seconds != b->created_seconds) return a->created_seconds < b->created_seconds;
  return a->uid < b->uid;
}

void SchedulingQueue::take(const std::string& uid) {
  const auto it = where_.find(uid);
  if (it == where_.end()) return;
  switch (it->second.place) {
    case Place::kActive:
      active_.erase(it->second.pod);
      break;
    case Place::kBackoff:
      backoff_.erase({it->second.at, it->second.pod});
      break;
    case Place::kUnschedulable:
      unschedulable_.erase({it->second.at, it->second.pod});
      break;
  }
  where_.erase(it);
}

int64_t SchedulingQueue::backoff_end(const std::string& uid) const {
  const auto it = attempts_.find(uid);
  if (it == attempts_.end() || it->second.count == 0) return 0;
  int64_t wait = kFirstBackoff;
  for (int i = 1; i < it->second.count && wait < kMaxBackoff; ++i) wait *= 2;
  return it->second.last + std::min(wait, kMaxBackoff);
}

void SchedulingQueue::add(const PodPtr& pod, int64_t now) {
  const auto it = where_.find(pod->uid);
  if (it != where_.end() && it->second.pod->generation == pod->generation && pod->generation != 0) return;
  place(pod, now);
}

void SchedulingQueue::place(const PodPtr& pod, int64_t now) {
  take(pod->uid);
  const int64_t ready = backoff_end(pod->uid);
  if (ready > now) {
    backoff_.insert({ready, pod});
    where_[pod->uid] = {Place::kBackoff, pod, ready};
  } else {
    active_.insert(pod);
    where_[pod->uid] = {Place::kActive, pod, 0};
  }
}

void SchedulingQueue::remove(const std::string& uid) {
  take(uid);
  attempts_.erase(uid);
}

PodPtr SchedulingQueue::pop(int64_t now) {
  while (!backoff_.empty() && backoff_.begin()->at <= now) {
    const PodPtr pod = backoff_.begin()->pod;
    take(pod->uid);
    active_.insert(pod);
    where_[pod->uid] = {Place::kActive, pod, 0};
  }
  while (!unschedulable_.empty() && unschedulable_.begin()->at <= now) {
    const PodPtr pod = unschedulable_.begin()->pod;
    place(pod, now);
  }
  if (active_.empty()) return nullptr;
  const PodPtr pod = *active_.begin();
  take(pod->uid);
  return pod;
}

void SchedulingQueue::unschedulable(const PodPtr& pod, int64_t now, bool event_since) {
  auto& attempts = attempts_[pod->uid];
  ++attempts.count;
  attempts.last = now;
  if (event_since) return place(pod, now);
  take(pod->uid);
  unschedulable_.insert({now + kMaxUnschedulable, pod});
  where_[pod->uid] = {Place::kUnschedulable, pod, now + kMaxUnschedulable};
}

void SchedulingQueue::failed(const PodPtr& pod, int64_t now) { unschedulable(pod, now, true); }

void SchedulingQueue::wake_unschedulable(int64_t now) {
  while (!unschedulable_.empty()) {
    const PodPtr pod = unschedulable_.begin()->pod;
    place(pod, now);
  }
}

std::optional<int64_t> SchedulingQueue::next_due() const {
  std::optional<int64_t> due;
  if (!backoff_.empty()) due = backoff_.begin()->at;
  if (!unschedulable_.empty()) due = std::min(due.value_or(unschedulable_.begin()->at), unschedulable_.begin()->at);
  return due;
}

bool SchedulingQueue::is_news(const std::string& uid, const std::string& message) {
  auto& last = attempts_[uid].message;
  if (last == message) return false;
  last = message;
  return true;
}

void SchedulingQueue::forget_news(const std::string& uid) {
  if (const auto it = attempts_.find(uid); it != attempts_.end()) it->second.message.clear();
}

int SchedulingQueue::attempts(const std::string& uid) const {
  const auto it = attempts_.find(uid);
  return it == attempts_.end() ? 0 : it->second.count;
}

}  // namespace gantry::scheduler
