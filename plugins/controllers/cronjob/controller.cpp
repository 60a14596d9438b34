#include "controller.hpp"

#include <utility>

#include "round.hpp"

namespace gantry::cronjob {

Status CronJobController::configure() {
  const auto workers = host().config_int("workers", workers_);
  if (!workers) return workers.error();
  if (*workers < 1) return Status::invalid("workers must be at least 1");
  workers_ = *workers;
  return {};
}

abi::ControllerSpec CronJobController::spec() const {
  auto spec = watching<batchv1::CronJob>("cronjob");
  owned<batchv1::Job>(spec, "batch", "CronJob");
  spec.set_workers(static_cast<int32_t>(workers_));
  spec.set_wait_own_writes(true);
  return spec;
}

Expected<CronJobController::Result> CronJobController::reconcile(const Key& key) {
  auto cron_job = host().cached<batchv1::CronJob>(key.ns, key.name);
  if (!cron_job) {
    memory_.forget({key.ns, key.name});
    return Result{};
  }
  auto jobs = host().cached_by_index<batchv1::Job>("metadata.controller", cron_job->metadata().uid(), key.ns);
  if (!jobs) return std::move(jobs).error();
  return Round(host(), std::move(*cron_job), std::move(*jobs), zones_, memory_).run();
}

}  // namespace gantry::cronjob
