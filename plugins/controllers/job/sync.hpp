// One run over one Job: looks at its pods, decides whether it is at its end, makes or deletes pods, and counts those
// that are over. Made for one reconcile, used by one thread. [worker]
//
// Each pod is counted exactly once, whatever ends between two writes, by their order (count.cpp):
//   1. the pod's uid is written into status.uncountedTerminatedPods (a succeeded index: into status.completedIndexes);
//   2. the pod loses its tracking finalizer;
//   3. the uid leaves the list, and the count grows by one, in one write of the status.
// Whoever comes later finds at each moment what is left to do: a listed uid whose pod has no finalizer is due for 3,
// one whose pod has it for 2, a pod with a finalizer that is not listed for 1. Every write of the status is of the
// version that was read, so of two who count only one gets through.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "backoff.hpp"
#include "conditions.hpp"
#include "gantry/host.hpp"
#include "index_set.hpp"
#include "job_pods.hpp"
#include "new_pods.hpp"

namespace gantry::job {

// What is known of a Job beside the API, and can be lost: it is found again from the pods.
struct Notes {
  std::string uid;
  Backoff backoff;         // by the pods that are counted
  size_t first_batch = 1;  // of creations, after a burst that went well
  // Until then (on the monotonic clock) events of pods gather, unless the Job itself is another.
  int64_t rests_until_ns = 0;
  int64_t generation = 0;
};

class Sync {
 public:
  // `notes` of this Job; null: to be found from `pods`, which then are all. `burst`: most pods made or deleted.
  Sync(const sdk::Host& host, batchv1::Job job, std::vector<JobPod> pods, const Notes* notes, size_t burst);

  Status run();
  // 0: only when something changes.
  int64_t requeue_after_ms() const { return requeue_ms_; }
  Notes take_notes() { return std::move(notes_); }

 private:
  // sync.cpp: what is so, and what follows.
  void look();
  void look_at(const JobPod& pod);
  void find_backoff();
  void judge();
  void judge_limits();
  void judge_indexes();
  bool is_index_failed(const JobPod& pod) const;
  bool has_valid_index(const JobPod& pod) const;
  bool is_past_restarts() const;
  void find_delayed();
  bool is_complete() const;
  void tell_suspension();
  void fill_status();
  void come_back_in(int64_t ms);

  // pods.cpp: pods made and deleted.
  Status stop_all();
  Status manage();
  int64_t wanted() const;
  std::vector<const JobPod*> too_many(int64_t at_least) const;
  Status give_up(const std::vector<const JobPod*>& pods);
  Status remove(const std::vector<const JobPod*>& pods);
  Status add(int64_t count);
  std::vector<int64_t> indexes_to_add(int64_t count);
  Status create(size_t count, const std::function<corev1::Pod(size_t)>& make);

  // count.cpp: pods counted.
  Status count();
  void choose();
  bool is_due(const JobPod& pod) const;
  void list(const JobPod& pod);
  void put_indexes();
  void announce_end();
  Status let_go();
  bool strike_counted();
  bool finish();
  Status flush();
  void tell_end() const;
  void event(const char* type, const std::string& reason, const std::string& message) const;

  const sdk::Host& host_;
  batchv1::Job job_;
  const std::vector<JobPod> pods_;
  const bool fresh_;  // without notes
  Notes notes_;
  const size_t burst_;
  const int64_t now_ns_;
  int64_t requeue_ms_ = 0;

  // By look(); stop_all() and manage() keep the numbers true.
  std::vector<const JobPod*> active_pods_;
  int64_t active_ = 0, ready_ = 0, terminating_ = 0;
  std::unordered_set<std::string> listed_succeeded_, listed_failed_;  // uncounted when this run began
  std::vector<int64_t> new_succeeded_at_, new_failed_at_;
  int64_t succeeded_ = 0, failed_ = 0;
  Backoff backoff_;  // with the pods that are not counted yet
  IndexSet was_succeeded_, succeeded_indexes_;
  std::optional<IndexSet> failed_indexes_;    // with backoffLimitPerIndex
  std::map<int64_t, const JobPod*> delayed_;  // the last failed pod of an index, kept until the next one is made

  std::optional<Verdict> end_;
  bool changed_ = false;                     // the status is to be written
  std::vector<std::function<void()>> tell_;  // Events, once it is

  // By choose().
  std::vector<const JobPod*> to_let_go_;
  std::vector<int64_t> listed_succeeded_at_, listed_failed_at_;
  std::unordered_set<std::string> held_;  // uids of pods with the finalizer
  bool more_ = false;                     // than one run counts
};

}  // namespace gantry::job
