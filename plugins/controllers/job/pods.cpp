// Pods that a run makes and deletes; see sync.hpp.
#include "gantry/pods.hpp"

#include <algorithm>
#include <utility>

#include "gantry/batches.hpp"
#include "gantry/pod_control.hpp"
#include "gantry/pod_ranking.hpp"
#include "gantry/times.hpp"
#include "sync.hpp"
#include "tracking.hpp"

namespace gantry::job {
namespace {

std::vector<corev1::Pod> copies_of(const std::vector<const JobPod*>& pods) {
  std::vector<corev1::Pod> out;
  for (const auto* pod : pods) out.push_back(pod->pod);
  return out;
}

// The least useful `count` of `pods`.
std::vector<const JobPod*> least_useful(const std::vector<const JobPod*>& pods, size_t count, int64_t now_ns) {
  if (count == 0) return {};
  std::unordered_set<std::string> chosen;
  for (const auto& pod : sdk::pods_to_delete(copies_of(pods), {}, count, now_ns)) chosen.insert(pod.metadata().uid());
  std::vector<const JobPod*> out;
  std::copy_if(pods.begin(), pods.end(), std::back_inserter(out),
               [&](const JobPod* pod) { return chosen.contains(pod->uid()); });
  return out;
}

}  // namespace

// At a Job's end. The finalizers stay, for the pods may have to be counted.
Status Sync::stop_all() {
  auto removed = remove(active_pods_);
  // Those that are left would have to be counted yet.
  if (active_ != 0) end_.reset();
  return removed;
}

Status Sync::remove(const std::vector<const JobPod*>& pods) {
  if (pods.empty()) return {};
  const sdk::PodControl control(host_, job_.metadata(), kApiVersion, kKind);
  auto results = control.remove(copies_of(pods));
  for (size_t i = 0; i < pods.size(); ++i) {
    if (!results[i].ok()) continue;
    --active_;
    ++terminating_;
    if (sdk::is_ready(pods[i]->pod)) --ready_;
  }
  return sdk::first_failure(std::move(results));
}

// Pods that nobody needs, and that are no failures: no longer tracked, then deleted.
Status Sync::give_up(const std::vector<const JobPod*>& pods) {
  if (pods.empty()) return {};
  const auto results = stop_tracking(host_, pods);
  std::vector<const JobPod*> free;
  Status first;
  for (size_t i = 0; i < pods.size(); ++i) {
    if (results[i].ok()) {
      free.push_back(pods[i]);
    } else if (first.ok()) {
      first = Status(results[i]).in("removing completion finalizer");
    }
  }
  auto removed = remove(free);
  return first.ok() ? removed : first;
}

int64_t Sync::wanted() const {
  const int64_t parallelism = job_.spec().parallelism();
  // Without a number of completions the first success says that the work is done, and the others may end theirs.
  if (!job_.spec().has_completions()) return succeeded_ > 0 ? active_ : parallelism;
  return std::clamp<int64_t>(job_.spec().completions() - succeeded_, 0, parallelism);
}

// Pods whose index is another one's, too, or none of the Job's; and as many of the rest as it takes.
std::vector<const JobPod*> Sync::too_many(int64_t at_least) const {
  std::vector<const JobPod*> doomed, left;
  if (is_indexed(job_)) {
    std::map<int64_t, std::vector<const JobPod*>> by_index;
    for (const auto* pod : active_pods_) {
      has_valid_index(*pod) ? by_index[pod->index].push_back(pod) : doomed.push_back(pod);
    }
    for (const auto& [index, pods] : by_index) {
      const auto extra = least_useful(pods, pods.size() - 1, now_ns_);
      doomed.insert(doomed.end(), extra.begin(), extra.end());
      std::copy_if(pods.begin(), pods.end(), std::back_inserter(left),
                   [&](const JobPod* pod) { return std::find(extra.begin(), extra.end(), pod) == extra.end(); });
    }
  } else {
    left = active_pods_;
  }
  const int64_t further = at_least - static_cast<int64_t>(doomed.size());
  if (further <= 0) return doomed;
  const auto rest = least_useful(left, std::min(static_cast<size_t>(further), left.size()), now_ns_);
  doomed.insert(doomed.end(), rest.begin(), rest.end());
  return doomed;
}

Status Sync::manage() {
  if (job_.spec().suspend()) return give_up(active_pods_);
  const int64_t want = wanted();
  auto doomed = too_many(std::max<int64_t>(active_ - want, 0));
  if (doomed.size() > burst_) doomed.resize(burst_);
  // One or the other: what is missing once these are gone, the next run sees.
  if (!doomed.empty()) return give_up(doomed);
  const int64_t missing = want - active_ - (replaces_only_failed(job_) ? terminating_ : 0);
  return missing > 0 ? add(std::min(missing, static_cast<int64_t>(burst_))) : Status();
}

Status Sync::add(int64_t count) {
  const bool per_index = job_.spec().has_backoff_limit_per_index();
  if (const int64_t wait = per_index ? 0 : backoff_.remaining_ms(now_ns_); wait > 0) {
    come_back_in(wait);
    return {};
  }
  const NewPods pods(job_);
  if (!is_indexed(job_)) return create(static_cast<size_t>(count), [&](size_t) { return pods.any(); });
  const auto indexes = indexes_to_add(count);
  return create(indexes.size(), [&](size_t i) {
    const auto replaced = delayed_.find(indexes[i]);
    return pods.at(indexes[i], replaced == delayed_.end() ? nullptr : replaced->second);
  });
}

// The first that nobody works on and that may be tried now.
std::vector<int64_t> Sync::indexes_to_add(int64_t count) {
  std::vector<int64_t> busy;
  const bool waits = replaces_only_failed(job_);
  for (const auto& pod : pods_) {
    const bool works = sdk::is_active(pod.pod) || (waits && sdk::is_terminating(pod.pod));
    if (works && pod.index != kNoIndex) busy.push_back(pod.index);
  }
  auto taken = IndexSet::of(std::move(busy));
  taken.add(succeeded_indexes_);
  if (failed_indexes_) taken.add(*failed_indexes_);
  auto indexes = taken.first_missing(count, job_.spec().completions());
  std::erase_if(indexes, [&](int64_t index) {
    const auto it = delayed_.find(index);
    if (it == delayed_.end()) return false;
    const auto& last = it->second->pod;
    const int64_t failures = int64_t{count_in(last, kIndexFailures)} + count_in(last, kIndexIgnored) + 1;
    const Backoff backoff{static_cast<int32_t>(std::min<int64_t>(failures, INT32_MAX)), finished_at_ns(last)};
    const int64_t wait = backoff.remaining_ms(now_ns_);
    come_back_in(wait);
    return wait > 0;
  });
  return indexes;
}

Status Sync::create(size_t count, const std::function<corev1::Pod(size_t)>& make) {
  if (count == 0) return {};
  const sdk::PodControl control(host_, job_.metadata(), kApiVersion, kKind);
  size_t last_batch = notes_.first_batch;
  auto done = sdk::slow_start(count, notes_.first_batch, [&](size_t begin, size_t batch) {
    std::vector<corev1::Pod> pods;
    for (size_t i = begin; i < begin + batch; ++i) pods.push_back(make(i));
    auto results = control.create(pods);
    active_ += std::count_if(results.begin(), results.end(), [](const Status& status) { return status.ok(); });
    last_batch = std::max(last_batch, batch);
    return results;
  });
  notes_.first_batch = done.ok() ? last_batch : 1;
  return done;
}

}  // namespace gantry::job
