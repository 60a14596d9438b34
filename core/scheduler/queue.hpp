// Pods that wait for a node: active (to be tried now), backing off, and unschedulable (tried in vain until something
// changes).
//
// Used under the Scheduler's lock; times are monotonic nanoseconds that the caller passes in.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "core/scheduler/pod_info.hpp"

namespace gantry::scheduler {

class SchedulingQueue {
 public:
  // A new or changed pending pod; one that waits as unschedulable is tried again, unless its spec is the same as before
  // (then only its status changed, which is what a vain attempt itself causes).
  void add(const PodPtr& pod, int64_t now);
  void remove(const std::string& uid);
  // The next pod to try, by priority and then by age; it leaves the queue. Nothing when none is due.
  PodPtr pop(int64_t now);
  // The attempt found no node. `event_since`: something that might help happened during the attempt.
  void unschedulable(const PodPtr& pod, int64_t now, bool event_since);
  // The attempt failed for another reason (the API refused): try again after backoff.
  void failed(const PodPtr& pod, int64_t now);
  // Forgets the attempts of a pod that got its node.
  void done(const std::string& uid) { attempts_.erase(uid); }
  // Something changed that may make room: unschedulable pods come back, after their backoff.
  void wake_unschedulable(int64_t now);
  // When pop may have something that it has not now; nothing: only after a change.
  std::optional<int64_t> next_due() const;

  size_t active() const { return active_.size(); }
  size_t backing_off() const { return backoff_.size(); }
  size_t waiting() const { return unschedulable_.size(); }
  int attempts(const std::string& uid) const;
  // Whether this is news about the pod since its last vain attempt.
  bool is_news(const std::string& uid, const std::string& message);
  // Whatever comes next is news.
  void forget_news(const std::string& uid);

 private:
  struct Order {
    bool operator()(const PodPtr& a, const PodPtr& b) const;
  };
  struct Due {
    int64_t at;
    PodPtr pod;
    bool operator<(const Due& other) const { return at != other.at ? at < other.at : pod->uid < other.pod->uid; }
  };
  struct Attempts {
    int count = 0;
    int64_t last = 0;
    std::string message;
  };
  void place(const PodPtr& pod, int64_t now);
  void take(const std::string& uid);
  int64_t backoff_end(const std::string& uid) const;

  std::set<PodPtr, Order> active_;
  std::set<Due> backoff_;
  std::set<Due> unschedulable_;  // by the time after which they are tried again anyway
  enum class Place : uint8_t { kActive, kBackoff, kUnschedulable };
  struct Where {
    Place place;
    PodPtr pod;
    int64_t at;
  };
  std::unordered_map<std::string, Where> where_;
  std::unordered_map<std::string, Attempts> attempts_;
};

}  // namespace gantry::scheduler
