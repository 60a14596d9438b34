// The counting of pods that are over; see sync.hpp for why in this order.
#include <algorithm>

#include "gantry/ownership.hpp"
#include "gantry/pod_control.hpp"
#include "gantry/times.hpp"
#include "sync.hpp"
#include "tracking.hpp"

namespace gantry::job {
namespace {

// As many uids as a status holds at most, and so many pods are counted in one run.
constexpr int64_t kMostUncounted = 500;

bool is_success(const Verdict& verdict) { return verdict.type == "SuccessCriteriaMet"; }

// Takes out the uids whose pods are no longer held, and says how many.
int32_t strike(google::protobuf::RepeatedPtrField<std::string>& uids, const std::unordered_set<std::string>& held) {
  const int before = uids.size();
  uids.erase(std::remove_if(uids.begin(), uids.end(), [&](const auto& uid) { return !held.contains(uid); }),
             uids.end());
  return before - uids.size();
}

}  // namespace

Status Sync::count() {
  for (const auto& pod : pods_) {
    if (pod.tracked) held_.insert(pod.uid());
  }
  if (strike_counted()) changed_ = true;
  choose();
  if (is_indexed(job_)) put_indexes();
  if (end_) announce_end();
  if (changed_) {
    if (auto written = flush(); !written.ok()) return std::move(written).in("adding uncounted pods to status");
  }
  notes_.backoff.count(listed_succeeded_at_, listed_failed_at_);
  const Status freed = let_go();
  if (strike_counted()) changed_ = true;
  const bool ends = freed.ok() && !more_ && finish();
  if (ends) changed_ = true;
  if (changed_) {
    if (auto written = flush(); !written.ok()) return std::move(written).in("removing uncounted pods from status");
  }
  if (ends) tell_end();
  return freed;
}

// Counts each listed pod that has no finalizer any more. True: there were some.
bool Sync::strike_counted() {
  auto& status = *job_.mutable_status();
  auto& uncounted = *status.mutable_uncounted_terminated_pods();
  const int32_t succeeded = strike(*uncounted.mutable_succeeded(), held_);
  const int32_t failed = strike(*uncounted.mutable_failed(), held_);
  if (succeeded > 0) status.set_succeeded(status.succeeded() + succeeded);
  if (failed > 0) status.set_failed(status.failed() + failed);
  return succeeded + failed > 0;
}

void Sync::choose() {
  std::vector<const JobPod*> held;
  for (const auto& pod : pods_) {
    if (pod.tracked && is_due(pod)) held.push_back(&pod);
  }
  // Indexes are completed in their order.
  std::stable_sort(held.begin(), held.end(), [](const auto* a, const auto* b) { return a->index < b->index; });
  const auto& uncounted = job_.status().uncounted_terminated_pods();
  for (const auto* pod : held) {
    to_let_go_.push_back(pod);
    list(*pod);
    const auto indexes = is_indexed(job_) ? static_cast<int64_t>(listed_succeeded_at_.size()) : 0;
    more_ = indexes + uncounted.succeeded_size() + uncounted.failed_size() >= kMostUncounted;
    if (more_) break;
  }
}

// Whether the pod may lose its finalizer now.
bool Sync::is_due(const JobPod& pod) const {
  if (job_.metadata().has_deletion_timestamp() || end_ || pod.succeeded) return true;
  if (!pod.failed) return false;
  const auto delayed = delayed_.find(pod.index);
  return delayed == delayed_.end() || delayed->second != &pod;
}

void Sync::list(const JobPod& pod) {
  auto& uncounted = *job_.mutable_status()->mutable_uncounted_terminated_pods();
  const bool countable = !is_indexed(job_) || has_valid_index(pod);
  if (pod.succeeded && !listed_failed_.contains(pod.uid())) {
    if (is_indexed(job_)) {
      // That the index is done says enough, whichever pod did it.
      if (!countable || was_succeeded_.has(pod.index)) return;
    } else {
      if (listed_succeeded_.contains(pod.uid())) return;
      uncounted.add_succeeded(pod.uid());
    }
    listed_succeeded_at_.push_back(finished_at_ns(pod.pod));
    changed_ = true;
    return;
  }
  // When the whole job fails, what still ran has failed, too.
  if (!pod.failed && (!end_ || is_success(*end_))) return;
  if (!countable || listed_failed_.contains(pod.uid())) return;
  if (pod.failed) listed_failed_at_.push_back(finished_at_ns(pod.pod));
  const bool counts = pod.failed ? pod.match.counts() : match_failure_policy(job_.spec(), pod.pod).counts();
  if (!counts) return;
  uncounted.add_failed(pod.uid());
  changed_ = true;
}

void Sync::put_indexes() {
  auto& status = *job_.mutable_status();
  const auto completed = succeeded_indexes_.text();
  if (status.completed_indexes() != completed) changed_ = true;
  completed.empty() ? status.clear_completed_indexes() : status.set_completed_indexes(completed);
  status.set_succeeded(static_cast<int32_t>(succeeded_indexes_.size()));
  if (!failed_indexes_) return;
  const auto failed = failed_indexes_->text();
  if (!status.has_failed_indexes() || status.failed_indexes() != failed) changed_ = true;
  status.set_failed_indexes(failed);
}

// That the end is near is written before any finalizer goes: afterwards nobody could find out why.
void Sync::announce_end() {
  auto& status = *job_.mutable_status();
  if (put_condition(status, *end_, "True", now_ns_)) changed_ = true;
  // A job that ends has begun, be it that it was suspended all the time.
  if (!status.has_start_time()) {
    *status.mutable_start_time() = to_time(now_ns_);
    changed_ = true;
  }
}

Status Sync::let_go() {
  if (to_let_go_.empty()) return {};
  auto results = stop_tracking(host_, to_let_go_);
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].ok()) held_.erase(to_let_go_[i]->uid());
  }
  return sdk::first_failure(std::move(results));
}

bool Sync::finish() {
  if (!end_) return false;
  auto& status = *job_.mutable_status();
  const auto& uncounted = status.uncounted_terminated_pods();
  if (uncounted.succeeded_size() + uncounted.failed_size() > 0 || terminating_ > 0) return false;
  end_->type = is_success(*end_) ? "Complete" : "Failed";
  put_condition(status, *end_, "True", now_ns_);
  if (end_->type == "Complete") {
    // Never before the start, as a clock that was set back would have it.
    *status.mutable_completion_time() = to_time(std::max(now_ns_, to_ns(status.start_time())));
  }
  return true;
}

Status Sync::flush() {
  auto written = host_.update(job_, "status");
  if (!written) return std::move(written).error();
  job_ = std::move(*written);
  job_.mutable_status()->mutable_uncounted_terminated_pods();
  changed_ = false;
  for (const auto& tell : std::exchange(tell_, {})) tell();
  return {};
}

void Sync::tell_end() const {
  if (end_->type == "Failed") return event("Warning", end_->reason, end_->message);
  if (job_.spec().has_completions() && job_.status().succeeded() > job_.spec().completions()) {
    event("Warning", "TooManySucceededPods", "Too many succeeded pods running after completion count reached");
  }
  event("Normal", "Completed", "Job completed");
}

void Sync::event(const char* type, const std::string& reason, const std::string& message) const {
  host_.event(job_, kApiVersion, kKind, type, reason, message);
}

}  // namespace gantry::job
