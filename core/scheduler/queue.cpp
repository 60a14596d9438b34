#include "core/scheduler/queue.hpp"

#include <algorithm>

namespace gantry::scheduler {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kFirstBackoff = 1 * kSecond;
constexpr int64_t kMaxBackoff = 10 * kSecond;
constexpr int64_t kMaxUnschedulable = 300 * kSecond;  // tried again then even if nothing seems to have changed

}  // namespace

bool SchedulingQueue::Order::operator()(const WaitingPtr& a, const WaitingPtr& b) const {
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
      if (const auto group = unschedulable_.find(it->second.helped_by); group != unschedulable_.end()) {
        group->second.erase({it->second.at, it->second.pod});
        if (group->second.empty()) unschedulable_.erase(group);
      }
      for (const uint64_t topic : it->second.topics) {
        const auto waiting = by_topic_.find(topic);
        if (waiting == by_topic_.end()) continue;
        waiting->second.erase(uid);
        if (waiting->second.empty()) by_topic_.erase(waiting);
      }
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

void SchedulingQueue::add(const WaitingPtr& pod, int64_t now) {
  const auto it = where_.find(pod->uid);
  if (it != where_.end() && it->second.pod->generation == pod->generation && pod->generation != 0 &&
      sdk::same_labels(it->second.pod->labels, pod->labels))
    return;
  place(pod, now);
}

void SchedulingQueue::place(const WaitingPtr& pod, int64_t now) {
  take(pod->uid);
  const int64_t ready = backoff_end(pod->uid);
  if (ready > now) {
    backoff_.insert({ready, pod});
    where_[pod->uid] = {Place::kBackoff, pod, ready, Changes::kNone, {}};
  } else {
    active_.insert(pod);
    where_[pod->uid] = {Place::kActive, pod, 0, Changes::kNone, {}};
  }
}

void SchedulingQueue::remove(const std::string& uid) {
  take(uid);
  attempts_.erase(uid);
}

WaitingPtr SchedulingQueue::pop(int64_t now) {
  while (!backoff_.empty() && backoff_.begin()->at <= now) {
    const WaitingPtr pod = backoff_.begin()->pod;
    take(pod->uid);
    active_.insert(pod);
    where_[pod->uid] = {Place::kActive, pod, 0, Changes::kNone, {}};
  }
  for (auto group = unschedulable_.begin(); group != unschedulable_.end();) {
    auto& pods = group++->second;  // gone with its last pod
    for (size_t left = pods.size(); left > 0 && pods.begin()->at <= now; --left) {
      const WaitingPtr pod = pods.begin()->pod;
      place(pod, now);
    }
  }
  if (active_.empty()) return nullptr;
  const WaitingPtr pod = *active_.begin();
  take(pod->uid);
  return pod;
}

void SchedulingQueue::count_attempt(const std::string& uid, int64_t now) {
  auto& attempts = attempts_[uid];
  ++attempts.count;
  attempts.last = now;
}

void SchedulingQueue::unschedulable(const WaitingPtr& pod, int64_t now, Changes helped_by,
                                    std::vector<uint64_t> topics) {
  count_attempt(pod->uid, now);
  take(pod->uid);
  unschedulable_[helped_by].insert({now + kMaxUnschedulable, pod});
  for (const uint64_t topic : topics) by_topic_[topic].insert(pod->uid);
  where_[pod->uid] = {Place::kUnschedulable, pod, now + kMaxUnschedulable, helped_by, std::move(topics)};
}

void SchedulingQueue::failed(const WaitingPtr& pod, int64_t now) {
  count_attempt(pod->uid, now);
  place(pod, now);
}

void SchedulingQueue::wake(Changes changes, int64_t now) {
  for (auto group = unschedulable_.begin(); group != unschedulable_.end();) {
    if (!meet(group->first, changes)) {
      ++group;
      continue;
    }
    const auto pods = group->second;
    ++group;  // gone with its last pod
    for (const auto& due : pods) place(due.pod, now);
  }
}

void SchedulingQueue::wake_topics(const std::vector<uint64_t>& topics, int64_t now) {
  for (const uint64_t topic : topics) {
    if (by_topic_.empty()) return;
    const auto waiting = by_topic_.find(topic);
    if (waiting == by_topic_.end()) continue;
    const auto uids = waiting->second;
    for (const auto& uid : uids) {
      const WaitingPtr pod = where_.at(uid).pod;
      place(pod, now);
    }
  }
}

size_t SchedulingQueue::waiting() const {
  size_t count = 0;
  for (const auto& [helped_by, pods] : unschedulable_) count += pods.size();
  return count;
}

std::optional<int64_t> SchedulingQueue::next_due() const {
  std::optional<int64_t> due;
  const auto sooner = [&](const std::set<Due>& pods) {
    if (!pods.empty()) due = std::min(due.value_or(pods.begin()->at), pods.begin()->at);
  };
  sooner(backoff_);
  for (const auto& [helped_by, pods] : unschedulable_) sooner(pods);
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
