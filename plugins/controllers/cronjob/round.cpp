#include "round.hpp"

#include <algorithm>
#include <utility>

#include "gantry/ownership.hpp"
#include "gantry/refusals.hpp"
#include "gantry/times.hpp"
#include "gantry/writes.hpp"

namespace gantry::cronjob {
namespace {

constexpr char kNormal[] = "Normal", kWarning[] = "Warning";

}  // namespace

Round::Round(const sdk::Host& host, batchv1::CronJob cron_job, std::vector<batchv1::Job> jobs, Zones& zones,
             Memory& memory)
    : host_(host),
      cron_job_(std::move(cron_job)),
      jobs_(std::move(jobs)),
      zones_(zones),
      memory_(memory),
      key_(cron_job_.metadata().namespace_(), cron_job_.metadata().name()),
      uid_(cron_job_.metadata().uid()),
      now_ns_(host.now_unix_ns()),
      status_(cron_job_.status()) {}

// What was done is written even where the rest failed: the next look goes on from there.
Expected<sdk::Controller::Result> Round::run() {
  remove_old();
  const auto again_ms = step();
  if (changed_) {
    const auto written = sdk::write_status(host_, cron_job_, status_);
    if (!written.ok()) return written;
  }
  if (!again_ms) return again_ms.error();
  return sdk::Controller::Result{*again_ms};
}

void Round::remove_old() {
  const auto& spec = cron_job_.spec();
  const auto remove = [&](std::string_view end, int32_t limit) {
    for (const auto* job : beyond_limit(jobs_, end, limit)) remove_job(job->metadata().name(), job->metadata().uid());
  };
  if (spec.has_successful_jobs_history_limit()) remove("Complete", spec.successful_jobs_history_limit());
  if (spec.has_failed_jobs_history_limit()) remove("Failed", spec.failed_jobs_history_limit());
}

Expected<int64_t> Round::step() {
  if (auto looked = look_at_jobs(); !looked.ok()) return looked;
  if (auto dropped = drop_missing(); !dropped.ok()) return dropped;
  if (cron_job_.metadata().has_deletion_timestamp()) return 0;
  const auto& spec = cron_job_.spec();
  const auto table = Timetable::of(spec, zones_, host_.monotonic_ns());
  const bool nowhere = !table && table.error().reason() == kUnknownTimeZone;
  if (spec.suspend() && !nowhere) return 0;
  if (!table) {
    tell_once(kWarning, table.error().reason(), table.error().message());
    return 0;
  }
  if (table->names_zone()) {
    tell_once(kWarning, "UnsupportedSchedule",
              "CRON_TZ or TZ used in schedule \"" + spec.schedule() +
                  "\" is not officially supported, see "
                  "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details");
  }
  const int64_t since = memory_.schedule_since(key_, uid_, spec.schedule() + " " + spec.time_zone(), now_ns_);
  const auto due = table->due(cron_job_, since, now_ns_);
  if (!due) {
    tell_once(kWarning, due.error().reason(), due.error().message());
    return 0;
  }
  if (due->too_many) {
    tell_once(kWarning, "TooManyMissedTimes",
              "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew",
              std::to_string(*due->latest_ns));
  }
  if (due->missed_ns) {
    tell_once(kWarning, "MissSchedule", "Missed scheduled time to start a job: " + rfc1123_utc(*due->missed_ns));
  }
  if (due->latest_ns) {
    if (auto started = start_if_allowed(*due->latest_ns); !started.ok()) return started;
  }
  batchv1::CronJob after;
  *after.mutable_metadata()->mutable_creation_timestamp() = cron_job_.metadata().creation_timestamp();
  if (status_.has_last_schedule_time()) {
    *after.mutable_status()->mutable_last_schedule_time() = status_.last_schedule_time();
  }
  return table->next_ms(after, since, now_ns_);
}

Status Round::look_at_jobs() {
  for (const auto& job : jobs_) {
    if (auto looked = look_at(job); !looked.ok()) return looked;
  }
  return {};
}

Status Round::look_at(const batchv1::Job& job) {
  const auto& meta = job.metadata();
  const auto end = end_of(job);
  const bool known = is_active(meta.uid());
  if (!end.empty() && known) {
    drop_active(meta.uid());
    event(kNormal, "SawCompletedJob", "Saw completed job: " + meta.name() + ", condition: " + std::string(end));
  }
  if (end == "Complete") note_success(job);
  if (!end.empty() || known || meta.has_deletion_timestamp()) return {};
  const std::string message = "Saw a job that the controller did not create or forgot: " + meta.name();
  if (memory_.knows(key_, uid_, "UnexpectedJob" + message + meta.uid())) return {};
  // The caches may be of different ages; a Job that the newest status has is no surprise.
  const auto fresh = host_.get_object<batchv1::CronJob>(key_.first, key_.second);
  if (!fresh) return sdk::unless_gone(fresh.error());
  const auto& active = fresh->status().active();
  if (std::any_of(active.begin(), active.end(), [&](const auto& one) { return one.uid() == meta.uid(); })) {
    return Status::conflict("the cache has an older CronJob " + key_.first + "/" + key_.second + " than its Jobs");
  }
  tell_once(kWarning, "UnexpectedJob", message, meta.uid());
  return {};
}

void Round::note_success(const batchv1::Job& job) {
  if (!job.status().has_completion_time()) return;
  const bool newer = !status_.has_last_successful_time() ||
                     to_ns(job.status().completion_time()) > to_ns(status_.last_successful_time());
  if (!newer) return;
  *status_.mutable_last_successful_time() = job.status().completion_time();
  changed_ = true;
}

Status Round::drop_missing() {
  const auto active = status_.active();
  for (const auto& one : active) {
    const bool seen = std::any_of(jobs_.begin(), jobs_.end(),
                                  [&](const batchv1::Job& job) { return job.metadata().uid() == one.uid(); });
    if (seen) continue;
    const auto job = host_.get_object<batchv1::Job>(one.namespace_(), one.name());
    if (!job && job.error().code() != 404) return job.error();
    if (job && job->metadata().uid() == one.uid()) continue;
    drop_active(one.uid());
    event(kNormal, "MissingJob", "Active job went missing: " + one.name());
  }
  return {};
}

Status Round::start_if_allowed(int64_t scheduled_ns) {
  const auto name = job_name(cron_job_, scheduled_ns);
  const auto& active = status_.active();
  const bool started = std::any_of(active.begin(), active.end(), [&](const auto& one) { return one.name() == name; });
  if (started || to_ns(status_.last_schedule_time()) == scheduled_ns) return {};
  const auto& policy = cron_job_.spec().concurrency_policy();
  if (policy == "Forbid" && !active.empty()) {
    tell_once(kNormal, "JobAlreadyActive",
              "Not starting job because prior execution is running and concurrency policy is Forbid",
              std::to_string(scheduled_ns));
    return {};
  }
  if (policy == "Replace") {
    if (auto replaced = replace_active(); !replaced.ok()) return replaced;
  }
  return start(scheduled_ns);
}

Status Round::replace_active() {
  const auto active = status_.active();
  for (const auto& one : active) {
    if (!remove_job(one.name(), one.uid())) {
      return Status::internal("could not replace job " + one.namespace_() + "/" + one.name());
    }
  }
  return {};
}

Status Round::start(int64_t scheduled_ns) {
  sdk::TimeZone shown;
  if (cron_job_.spec().has_time_zone()) {
    auto zone = zones_.get(cron_job_.spec().time_zone(), host_.monotonic_ns());
    if (!zone) return zone.error();
    shown = *zone;
  }
  const auto wanted = job_for(cron_job_, scheduled_ns, shown);
  auto made = host_.create(key_.first, wanted);
  if (made) {
    event(kNormal, "SuccessfulCreate", "Created job " + made->metadata().name());
  } else if (made.error().reason() == "AlreadyExists") {
    // A controller that made it and ended before the status was written; or somebody else.
    auto before = started_before(wanted.metadata().name());
    if (!before) return std::move(before).error();
    if (!*before) return {};
    made = std::move(**before);
  } else if (sdk::is_namespace_ending(made.error())) {
    return {};
  } else {
    event(kWarning, "FailedCreate", "Error creating job: " + made.error().message());
    return made.error();
  }
  *status_.add_active() = reference_to_job(*made);
  *status_.mutable_last_schedule_time() = to_time(scheduled_ns);
  changed_ = true;
  return {};
}

Expected<std::optional<batchv1::Job>> Round::started_before(const std::string& name) const {
  auto job = host_.get_object<batchv1::Job>(key_.first, name);
  if (!job) return std::move(job).error();
  const auto* owner = sdk::controller_of(job->metadata());
  if (owner == nullptr || owner->uid() != uid_ || is_active(job->metadata().uid())) {
    return std::optional<batchv1::Job>();
  }
  return std::optional(std::move(*job));
}

// One that is gone already is none that failed.
bool Round::remove_job(const std::string& name, const std::string& uid) {
  metav1::DeleteOptions how;
  how.set_propagation_policy("Background");
  how.mutable_preconditions()->set_uid(uid);
  const auto removed = host_.remove<batchv1::Job>(key_.first, name, how);
  if (!removed.ok() && removed.code() != 404) {
    event(kWarning, "FailedDelete", "Deleted job: " + removed.message());
    return false;
  }
  drop_active(uid);
  if (removed.ok()) event(kNormal, "SuccessfulDelete", "Deleted job " + name);
  return true;
}

bool Round::is_active(std::string_view uid) const {
  const auto& active = status_.active();
  return std::any_of(active.begin(), active.end(), [&](const auto& one) { return one.uid() == uid; });
}

void Round::drop_active(std::string_view uid) {
  auto& active = *status_.mutable_active();
  const auto rest = std::remove_if(active.begin(), active.end(), [&](const auto& one) { return one.uid() == uid; });
  if (rest == active.end()) return;
  active.erase(rest, active.end());
  changed_ = true;
}

void Round::event(std::string_view type, std::string_view reason, const std::string& message) const {
  host_.event(cron_job_, "batch/v1", "CronJob", type, reason, message);
}

void Round::tell_once(std::string_view type, std::string_view reason, const std::string& message,
                      const std::string& about) const {
  if (memory_.is_news(key_, uid_, std::string(reason) + message + about)) event(type, reason, message);
}

}  // namespace gantry::cronjob
