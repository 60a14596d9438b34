#include "jobs.hpp"

#include <algorithm>
#include <tuple>

#include "gantry/ownership.hpp"
#include "gantry/times.hpp"
#include "timetable.hpp"

namespace gantry::cronjob {

std::string job_name(const batchv1::CronJob& cron_job, int64_t scheduled_ns) {
  return cron_job.metadata().name() + "-" + std::to_string(scheduled_ns / kNanosPerSecond / 60);
}

batchv1::Job job_for(const batchv1::CronJob& cron_job, int64_t scheduled_ns, const sdk::TimeZone& zone) {
  const auto& from = cron_job.spec().job_template();
  batchv1::Job job;
  auto& meta = *job.mutable_metadata();
  meta.set_namespace_(cron_job.metadata().namespace_());
  meta.set_name(job_name(cron_job, scheduled_ns));
  *meta.mutable_labels() = from.metadata().labels();
  *meta.mutable_annotations() = from.metadata().annotations();
  (*meta.mutable_annotations())[kScheduledTimestamp] = rfc3339(scheduled_ns, zone);
  *meta.add_owner_references() = sdk::controller_reference(cron_job.metadata(), "batch/v1", "CronJob");
  *job.mutable_spec() = from.spec();
  return job;
}

std::string_view end_of(const batchv1::Job& job) {
  for (const auto& condition : job.status().conditions()) {
    if (condition.status() == "True" && (condition.type() == "Complete" || condition.type() == "Failed")) {
      return condition.type();
    }
  }
  return {};
}

std::vector<const batchv1::Job*> beyond_limit(const std::vector<batchv1::Job>& jobs, std::string_view end,
                                              int32_t limit) {
  std::vector<const batchv1::Job*> ended;
  for (const auto& job : jobs) {
    if (end_of(job) == end && !job.metadata().has_deletion_timestamp()) ended.push_back(&job);
  }
  const auto keep = static_cast<size_t>(std::max(limit, 0));
  if (ended.size() <= keep) return {};
  // What never began is the youngest.
  const auto age = [](const batchv1::Job* job) {
    const auto& status = job->status();
    return std::tuple(!status.has_start_time(), to_ns(status.start_time()), std::string_view(job->metadata().name()));
  };
  std::sort(ended.begin(), ended.end(), [&](const batchv1::Job* a, const batchv1::Job* b) { return age(a) < age(b); });
  ended.resize(ended.size() - keep);
  return ended;
}

corev1::ObjectReference reference_to_job(const batchv1::Job& job) {
  corev1::ObjectReference reference;
  reference.set_api_version("batch/v1");
  reference.set_kind("Job");
  reference.set_namespace_(job.metadata().namespace_());
  reference.set_name(job.metadata().name());
  reference.set_uid(job.metadata().uid());
  reference.set_resource_version(job.metadata().resource_version());
  return reference;
}

}  // namespace gantry::cronjob
