#include "controller.hpp"

#include "gantry/refusals.hpp"
#include "gantry/times.hpp"

namespace gantry::ttl_after_finished {
namespace {

const batchv1::JobCondition* end_of(const batchv1::Job& job) {
  for (const auto& condition : job.status().conditions()) {
    const bool ends = condition.type() == "Complete" || condition.type() == "Failed";
    if (ends && condition.status() == "True") return &condition;
  }
  return nullptr;
}

}  // namespace

std::optional<int64_t> expires_at_ns(const batchv1::Job& job) {
  if (job.metadata().has_deletion_timestamp() || !job.spec().has_ttl_seconds_after_finished()) return std::nullopt;
  const auto* end = end_of(job);
  // A status that somebody else wrote need not say when.
  if (end == nullptr || !end->has_last_transition_time()) return std::nullopt;
  return later(to_ns(end->last_transition_time()), job.spec().ttl_seconds_after_finished() * kNanosPerSecond);
}

Status TtlController::configure() {
  auto workers = host().config_int("workers", workers_);
  if (!workers) return std::move(workers).error();
  if (*workers < 1) return Status::invalid("workers must be at least 1");
  workers_ = *workers;
  return {};
}

abi::ControllerSpec TtlController::spec() const {
  auto spec = watching<batchv1::Job>("ttl-after-finished");
  spec.set_workers(static_cast<int32_t>(workers_));
  return spec;
}

Expected<TtlController::Result> TtlController::reconcile(const Key& key) {
  const auto cached = host().cached<batchv1::Job>(key.ns, key.name);
  const auto due = cached ? expires_at_ns(*cached) : std::nullopt;
  if (!due) return Result{};
  if (const int64_t wait = until_ms(*due, host().now_unix_ns()); wait > 0) return Result{wait};
  // What is about to be deleted is looked at once more: it may have been given
  // more time, or be another Job by now.
  const auto fresh = host().get_object<batchv1::Job>(key.ns, key.name);
  if (!fresh) {
    if (auto failed = sdk::unless_gone(fresh); !failed.ok()) return failed;
    return Result{};
  }
  const auto still = expires_at_ns(*fresh);
  if (!still) return Result{};
  if (const int64_t wait = until_ms(*still, host().now_unix_ns()); wait > 0) return Result{wait};
  metav1::DeleteOptions how;
  how.set_propagation_policy("Foreground");
  how.mutable_preconditions()->set_uid(fresh->metadata().uid());
  how.mutable_preconditions()->set_resource_version(fresh->metadata().resource_version());
  if (auto failed = sdk::unless_gone(host().remove<batchv1::Job>(key.ns, key.name, how)); !failed.ok()) return failed;
  return Result{};
}

}  // namespace gantry::ttl_after_finished
