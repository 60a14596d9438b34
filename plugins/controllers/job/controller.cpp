#include "controller.hpp"

#include <algorithm>

#include "gantry/ownership.hpp"
#include "gantry/refusals.hpp"
#include "gantry/times.hpp"
#include "tracking.hpp"

namespace gantry::job {
namespace {

// After a run a Job rests for as long as the run took: a large one is not run for each of its pods, a small one never
// waits for long.
constexpr int64_t kLongestRestNs = kNanosPerSecond / 2;

}  // namespace

Status JobController::configure() {
  auto workers = host().config_int("workers", workers_);
  if (!workers) return std::move(workers).error();
  auto burst = host().config_int("burst_pods", burst_);
  if (!burst) return std::move(burst).error();
  if (*workers < 1 || *burst < 1) return Status::invalid("workers and burst_pods must be at least 1");
  workers_ = *workers;
  burst_ = *burst;
  return {};
}

abi::ControllerSpec JobController::spec() const {
  auto spec = watching<batchv1::Job>("job");
  owned<corev1::Pod>(spec, kGroup, kKind, {batchv1::Job::kSpecFieldNumber, batchv1::JobSpec::kSelectorFieldNumber});
  // Of the same cache, those events after which a pod may be nobody's.
  auto& strays = watch<corev1::Pod>(spec, abi::WatchSpec::CUSTOM);
  strays.set_metadata_only(true);
  strays.add_interests(abi::WatchSpec::OWNERS);
  strays.add_interests(abi::WatchSpec::DELETION);
  spec.set_workers(static_cast<int32_t>(workers_));
  spec.set_wait_own_writes(true);
  return spec;
}

void JobController::map(const abi::ObjectEvent& event, const Emit& emit) {
  if (event.object().find(kTracking) == std::string::npos) return;
  const auto meta = sdk::metadata_of(event.object());
  if (!meta || !sdk::has_finalizer(*meta, kTracking)) return;
  const auto* owner = sdk::controller_of(*meta);
  if (owner == nullptr) return emit(meta->namespace_(), "/" + meta->name());
  if (!sdk::is_of_kind(owner, kGroup, kKind)) return;
  // The pods of a Job that is at work are its own reconcile's.
  const auto notes = notes_of({meta->namespace_(), owner->name()});
  if (!notes || notes->uid != owner->uid()) emit(meta->namespace_(), owner->name() + "/" + owner->uid());
}

Expected<JobController::Result> JobController::reconcile(const Key& key) {
  if (const size_t slash = key.name.find('/'); slash != std::string::npos) {
    const std::string_view name(key.name);
    auto done = slash == 0 ? stop_tracking_orphan(host(), key.ns, name.substr(1))
                           : clean_up(key.ns, name.substr(0, slash), name.substr(slash + 1));
    if (!done.ok()) return done;
    return Result{};
  }
  auto job = host().cached<batchv1::Job>(key.ns, key.name);
  const bool works = job && !is_finished(*job) && !is_managed_elsewhere(*job);
  if (auto done = forget({key.ns, key.name}, works ? job->metadata().uid() : ""); !done.ok()) return done;
  if (!works) return Result{};
  return sync({key.ns, key.name}, std::move(*job));
}

Expected<JobController::Result> JobController::sync(const Name& name, batchv1::Job job) {
  const auto notes = notes_of(name);
  const int64_t begin = host().monotonic_ns(), generation = job.metadata().generation();
  if (notes && notes->generation == generation) {
    const int64_t rest_ns = notes->rests_until_ns - begin;
    if (rest_ns > 0 && rest_ns <= kLongestRestNs) return Result{until_ms(notes->rests_until_ns, begin)};
  }
  auto pods = claim_pods(host(), job, !notes);
  if (!pods) return std::move(pods).error();
  Sync run(host(), std::move(job), std::move(*pods), notes ? &*notes : nullptr, static_cast<size_t>(burst_));
  const auto done = run.run();
  auto next = run.take_notes();
  const int64_t end = host().monotonic_ns();
  next.rests_until_ns = end + std::min(end - begin, kLongestRestNs);
  next.generation = generation;
  {
    const std::lock_guard lock(mutex_);
    notes_[name] = std::move(next);
  }
  if (auto failed = sdk::unless_gone(done); !failed.ok()) return failed;
  return Result{run.requeue_after_ms()};
}

// A Job that counts its pods itself is left alone, be it ours or somebody else's.
Status JobController::clean_up(const std::string& ns, std::string_view name, std::string_view uid) const {
  const auto job = host().cached<batchv1::Job>(ns, name);
  const bool counts = job && job->metadata().uid() == uid && (is_managed_elsewhere(*job) || !is_finished(*job));
  return counts ? Status() : stop_tracking_all(host(), ns, uid);
}

Status JobController::forget(const Name& name, std::string_view uid) {
  const auto known = notes_of(name);
  if (!known || known->uid == uid) return {};
  if (auto done = clean_up(name.first, name.second, known->uid); !done.ok()) return done;
  const std::lock_guard lock(mutex_);
  notes_.erase(name);
  return {};
}

std::optional<Notes> JobController::notes_of(const Name& name) const {
  const std::lock_guard lock(mutex_);
  const auto it = notes_.find(name);
  return it == notes_.end() ? std::nullopt : std::optional<Notes>(it->second);
}

}  // namespace gantry::job
