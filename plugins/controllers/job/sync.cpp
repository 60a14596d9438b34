#include "sync.hpp"

#include <algorithm>
#include <utility>

#include "gantry/conditions.hpp"
#include "gantry/pods.hpp"
#include "gantry/times.hpp"

namespace gantry::job {
namespace {

constexpr char kFailureTarget[] = "FailureTarget", kSuccessCriteriaMet[] = "SuccessCriteriaMet";

Verdict failure(const char* reason, const char* message) { return {kFailureTarget, reason, message}; }

template <typename List>
std::unordered_set<std::string> set_of(const List& list) {
  return {list.begin(), list.end()};
}

int64_t restarts_of(const corev1::PodStatus& status) {
  int64_t sum = 0;
  for (const auto& container : status.init_container_statuses()) sum += container.restart_count();
  for (const auto& container : status.container_statuses()) sum += container.restart_count();
  return sum;
}

}  // namespace

Sync::Sync(const sdk::Host& host, batchv1::Job job, std::vector<JobPod> pods, const Notes* notes, size_t burst)
    : host_(host),
      job_(std::move(job)),
      pods_(std::move(pods)),
      fresh_(notes == nullptr),
      notes_(notes == nullptr ? Notes{.uid = job_.metadata().uid()} : *notes),
      burst_(burst),
      now_ns_(host.now_unix_ns()) {
  job_.mutable_status()->mutable_uncounted_terminated_pods();
}

Status Sync::run() {
  look();
  auto& status = *job_.mutable_status();
  if (!status.has_start_time() && !job_.spec().suspend()) *status.mutable_start_time() = to_time(now_ns_);
  judge();
  Status acted;
  if (end_) {
    acted = stop_all();
  } else {
    const bool manages = !job_.metadata().has_deletion_timestamp();
    if (manages) acted = manage();
    if (is_complete()) {
      end_ = Verdict{kSuccessCriteriaMet, "CompletionsReached", "Reached expected number of succeeded pods"};
    } else if (manages) {
      tell_suspension();
    }
  }
  fill_status();
  if (auto counted = count(); !counted.ok()) return std::move(counted).in("tracking status");
  return acted;
}

void Sync::come_back_in(int64_t ms) {
  if (ms > 0 && (requeue_ms_ == 0 || ms < requeue_ms_)) requeue_ms_ = ms;
}

bool Sync::has_valid_index(const JobPod& pod) const {
  return pod.index != kNoIndex && pod.index < job_.spec().completions();
}

void Sync::look() {
  const auto& status = job_.status();
  listed_succeeded_ = set_of(status.uncounted_terminated_pods().succeeded());
  listed_failed_ = set_of(status.uncounted_terminated_pods().failed());
  succeeded_ = status.succeeded() + static_cast<int64_t>(listed_succeeded_.size());
  failed_ = status.failed() + static_cast<int64_t>(listed_failed_.size());
  std::vector<int64_t> indexes;
  for (const auto& pod : pods_) {
    look_at(pod);
    if (pod.tracked && pod.succeeded && has_valid_index(pod)) indexes.push_back(pod.index);
  }
  active_ = static_cast<int64_t>(active_pods_.size());
  find_backoff();
  if (!is_indexed(job_)) return;
  was_succeeded_ = IndexSet::parse(status.completed_indexes(), job_.spec().completions());
  succeeded_indexes_ = was_succeeded_;
  succeeded_indexes_.add(IndexSet::of(std::move(indexes)));
  succeeded_ = succeeded_indexes_.size();
}

void Sync::look_at(const JobPod& pod) {
  if (sdk::is_active(pod.pod)) {
    active_pods_.push_back(&pod);
    if (sdk::is_ready(pod.pod)) ++ready_;
  }
  if (sdk::is_terminating(pod.pod)) ++terminating_;
  if (!pod.tracked || (is_indexed(job_) && !has_valid_index(pod))) return;
  if (pod.succeeded && !listed_succeeded_.contains(pod.uid())) {
    ++succeeded_;
    new_succeeded_at_.push_back(finished_at_ns(pod.pod));
  }
  if (pod.failed && !listed_failed_.contains(pod.uid())) {
    if (pod.match.counts()) ++failed_;
    new_failed_at_.push_back(finished_at_ns(pod.pod));
  }
}

void Sync::find_backoff() {
  if (fresh_) {
    std::vector<int64_t> succeeded, failed;
    for (const auto& pod : pods_) {
      if (!sdk::is_finished(pod.pod)) continue;
      const bool counted = !pod.tracked || listed_succeeded_.contains(pod.uid()) || listed_failed_.contains(pod.uid());
      if (counted && pod.succeeded) succeeded.push_back(finished_at_ns(pod.pod));
      if (counted && pod.failed) failed.push_back(finished_at_ns(pod.pod));
    }
    notes_.backoff.count(succeeded, std::move(failed));
  }
  backoff_ = notes_.backoff;
  backoff_.count(new_succeeded_at_, new_failed_at_);
}

// What was decided stays decided; else the first reason counts.
void Sync::judge() {
  const auto decided = [&](const char* type) {
    auto verdict = verdict_of(job_.status(), type);
    if (!end_ && !verdict.type.empty()) end_ = std::move(verdict);
  };
  decided(kSuccessCriteriaMet);
  decided(kFailureTarget);
  for (const auto& pod : pods_) {
    if (end_) break;
    if (pod.failed && pod.match.action == PolicyMatch::Action::kFailJob) {
      end_ = Verdict{kFailureTarget, "PodFailurePolicy", pod.match.message};
    }
  }
  if (!end_) judge_limits();
  if (is_indexed(job_)) judge_indexes();
}

void Sync::judge_limits() {
  const auto& spec = job_.spec();
  if (failed_ > spec.backoff_limit() || is_past_restarts()) {
    end_ = failure("BackoffLimitExceeded", "Job has reached the specified backoff limit");
    return;
  }
  if (!spec.has_active_deadline_seconds() || spec.suspend() || !job_.status().has_start_time()) return;
  int64_t allowed_ns = 0;
  if (__builtin_mul_overflow(spec.active_deadline_seconds(), kNanosPerSecond, &allowed_ns)) return;
  const int64_t left_ms = until_ms(later(to_ns(job_.status().start_time()), allowed_ns), now_ns_);
  if (left_ms == 0) {
    end_ = failure("DeadlineExceeded", "Job was active longer than specified deadline");
  } else {
    come_back_in(left_ms);
  }
}

// Of containers that the kubelet restarts, the restarts count.
bool Sync::is_past_restarts() const {
  if (job_.spec().template_().spec().restart_policy() != "OnFailure") return false;
  int64_t restarts = 0;
  for (const auto& pod : pods_) {
    const std::string& phase = pod.pod.status().phase();
    if (phase == "Running" || phase == "Pending") restarts += restarts_of(pod.pod.status());
  }
  return restarts >= std::max<int64_t>(job_.spec().backoff_limit(), 1);
}

void Sync::judge_indexes() {
  const auto& spec = job_.spec();
  if (spec.has_backoff_limit_per_index()) {
    failed_indexes_ = IndexSet::parse(job_.status().failed_indexes(), spec.completions());
    std::vector<int64_t> failed;
    for (const auto& pod : pods_) {
      if (pod.tracked && has_valid_index(pod) && is_index_failed(pod)) failed.push_back(pod.index);
    }
    failed_indexes_->add(IndexSet::of(std::move(failed)));
    const int64_t count = failed_indexes_->size();
    if (!end_ && spec.has_max_failed_indexes() && count > spec.max_failed_indexes()) {
      end_ = failure("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes");
    }
    if (!end_ && count > 0 && count + succeeded_indexes_.size() >= spec.completions()) {
      end_ = failure("FailedIndexes", "Job has failed indexes");
    }
    find_delayed();
  }
  if (end_) return;
  if (auto met = match_success_policy(spec, succeeded_indexes_)) {
    end_ = Verdict{kSuccessCriteriaMet, "SuccessPolicy", std::move(*met)};
  }
}

bool Sync::is_index_failed(const JobPod& pod) const {
  if (!pod.failed) return false;
  if (pod.match.action == PolicyMatch::Action::kFailIndex) return true;
  return pod.match.counts() && count_in(pod.pod, kIndexFailures) >= job_.spec().backoff_limit_per_index();
}

// The last failed pod of an index knows how many were before it, and tells the next one.
void Sync::find_delayed() {
  std::vector<int64_t> indexes;
  for (const auto* pod : active_pods_) {
    if (pod->index != kNoIndex) indexes.push_back(pod->index);
  }
  auto settled = IndexSet::of(std::move(indexes));
  settled.add(succeeded_indexes_);
  settled.add(*failed_indexes_);
  const auto failures = [](const JobPod& pod) {
    return int64_t{count_in(pod.pod, kIndexFailures)} + count_in(pod.pod, kIndexIgnored);
  };
  for (const auto& pod : pods_) {
    if (!pod.tracked || !pod.failed || !has_valid_index(pod) || settled.has(pod.index)) continue;
    auto& last = delayed_[pod.index];
    const bool later =
        last == nullptr || (failures(*last) <= failures(pod) && finished_at_ns(pod.pod) >= finished_at_ns(last->pod));
    if (later) last = &pod;
  }
}

bool Sync::is_complete() const {
  if (active_ > 0) return false;
  return job_.spec().has_completions() ? succeeded_ >= job_.spec().completions() : succeeded_ > 0;
}

void Sync::tell_suspension() {
  auto& status = *job_.mutable_status();
  const bool suspends = job_.spec().suspend();
  const Verdict verdict{"Suspended", suspends ? "JobSuspended" : "JobResumed",
                        suspends ? "Job suspended" : "Job resumed"};
  if (!put_condition(status, verdict, suspends ? "True" : "False", now_ns_)) return;
  changed_ = true;
  tell_.push_back([this, suspends, verdict] { event("Normal", suspends ? "Suspended" : "Resumed", verdict.message); });
  // The time that a job may take begins anew when it goes on.
  if (suspends) {
    status.clear_start_time();
  } else {
    *status.mutable_start_time() = to_time(now_ns_);
  }
}

void Sync::fill_status() {
  auto& status = *job_.mutable_status();
  if (status.active() != active_ || !status.has_ready() || status.ready() != ready_ || !status.has_terminating() ||
      status.terminating() != terminating_) {
    changed_ = true;
  }
  status.set_active(static_cast<int32_t>(active_));
  status.set_ready(static_cast<int32_t>(ready_));
  status.set_terminating(static_cast<int32_t>(terminating_));
}

}  // namespace gantry::job
