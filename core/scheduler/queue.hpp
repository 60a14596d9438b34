// Pods that wait for a node: active (to be tried now), backing off, and unschedulable (tried in vain until something
// changes).
//
// Used under the Scheduler's lock; times are monotonic nanoseconds that the caller passes in.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/scheduler/pod_info.hpp"

namespace gantry::scheduler {

class SchedulingQueue {
 public:
  // A new or changed pending pod; one that waits as unschedulable is tried again, unless its spec is the same as before
  // (then only its status changed, which is what a vain attempt itself causes).
  void add(const WaitingPtr& pod, int64_t now);
  void remove(const std::string& uid);
  // The next pod to try, by priority and then by age; it leaves the queue. Nothing when none is due.
  WaitingPtr pop(int64_t now);
  // The attempt found no node: it is tried again after one of the changes that help, or word of one of the topics.
  void unschedulable(const WaitingPtr& pod, int64_t now, Changes helped_by, std::vector<uint64_t> topics = {});
  // The attempt failed for another reason (the API refused): try again after backoff.
  void failed(const WaitingPtr& pod, int64_t now);
  // Forgets the attempts of a pod that got its node.
  void done(const std::string& uid) { attempts_.erase(uid); }
  // Pods that one of these changes may help come back, after their backoff.
  void wake(Changes changes, int64_t now);
  void wake_topics(const std::vector<uint64_t>& topics, int64_t now);
  // When pop may have something that it has not now; nothing: only after a change.
  std::optional<int64_t> next_due() const;

  size_t active() const { return active_.size(); }
  size_t backing_off() const { return backoff_.size(); }
  size_t waiting() const;
  int attempts(const std::string& uid) const;
  // Whether this is news about the pod since its last vain attempt.
  bool is_news(const std::string& uid, const std::string& message);
  // Whatever comes next is news.
  void forget_news(const std::string& uid);

 private:
  struct Order {
    bool operator()(const WaitingPtr& a, const WaitingPtr& b) const;
  };
  struct Due {
    int64_t at;
    WaitingPtr pod;
    bool operator<(const Due& other) const { return at != other.at ? at < other.at : pod->uid < other.pod->uid; }
  };
  struct Attempts {
    int count = 0;
    int64_t last = 0;
    std::string message;
  };
  void count_attempt(const std::string& uid, int64_t now);
  void place(const WaitingPtr& pod, int64_t now);
  void take(const std::string& uid);
  int64_t backoff_end(const std::string& uid) const;

  std::set<WaitingPtr, Order> active_;
  std::set<Due> backoff_;
  // By what helps them; each by the time after which they are tried again anyway.
  std::map<Changes, std::set<Due>> unschedulable_;
  std::unordered_map<uint64_t, std::set<std::string>> by_topic_;  // those of them that wait for word of it
  enum class Place : uint8_t { kActive, kBackoff, kUnschedulable };
  struct Where {
    Place place;
    WaitingPtr pod;
    int64_t at;
    Changes helped_by = Changes::kNone;
    std::vector<uint64_t> topics;
  };
  std::unordered_map<std::string, Where> where_;
  std::unordered_map<std::string, Attempts> attempts_;
};

}  // namespace gantry::scheduler
