// The Jobs of a CronJob: what a new one is like, how one ended, which go first. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/status.hpp"
#include "gantry/time_zone.hpp"
#include "k8s.io/api/batch/v1/cron_job.pb.h"
#include "k8s.io/api/batch/v1/job.pb.h"

namespace gantry::cronjob {

inline constexpr char kScheduledTimestamp[] = "batch.kubernetes.io/cronjob-scheduled-timestamp";

// "NAME-<minutes since 1970>": of one run there is one Job, whoever asks how often.
std::string job_name(const batchv1::CronJob& cron_job, int64_t scheduled_ns);
// `zone`: that of spec.timeZone, or UTC.
batchv1::Job job_for(const batchv1::CronJob& cron_job, int64_t scheduled_ns, const sdk::TimeZone& zone);

// "Complete" or "Failed"; empty while it is not over.
std::string_view end_of(const batchv1::Job& job);

// Of the Jobs that ended as `end`, those beyond `limit`, the oldest first; none that is being deleted.
std::vector<const batchv1::Job*> beyond_limit(const std::vector<batchv1::Job>& jobs, std::string_view end,
                                              int32_t limit);

corev1::ObjectReference reference_to_job(const batchv1::Job& job);

}  // namespace gantry::cronjob
