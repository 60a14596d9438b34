// CronJobs: their schedule, their template, and their table. Pure but for the zone data, which validation reads; any
// thread.
#include <algorithm>

#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/job_rules.hpp"
#include "core/kinds/parts/label_warnings.hpp"
#include "core/kinds/parts/pod_warnings.hpp"
#include "core/kinds/parts/workload.hpp"
#include "gantry/cron.hpp"
#include "gantry/time_zone.hpp"

namespace gantry::kinds::batch_cron_job {
namespace {

// A Job's name has so many characters, and 11 are added to a CronJob's.
constexpr size_t kLongestName = 63 - 11, kLongestZonePart = 14;

JsonObject* job_template(JsonObject& cron_job) {
  JsonObject* spec = get_object(cron_job, "spec");
  return spec != nullptr ? get_object(*spec, "jobTemplate") : nullptr;
}

void default_before(JsonObject& cron_job) {
  if (JsonObject* job = job_template(cron_job)) default_template_before(*job);
}

void default_after(JsonObject& cron_job) {
  if (JsonObject* job = job_template(cron_job)) default_template_after(*job);
}

// Without a zone in front, which was allowed once.
std::string_view fields_of(std::string_view schedule) {
  if (!schedule.starts_with("TZ=") && !schedule.starts_with("CRON_TZ=")) return schedule;
  const size_t space = schedule.find(' ');
  return space == std::string_view::npos ? std::string_view() : schedule.substr(space + 1);
}

bool names_zone(std::string_view schedule) { return schedule.find("TZ") != std::string_view::npos; }

void check_schedule(const JsonObject& spec, const JsonObject* old, const At& at, Errors& errors) {
  const std::string_view schedule = get_text(spec, "schedule");
  if (schedule.empty()) return;
  const auto parsed = sdk::CronSchedule::parse(fields_of(schedule));
  if (!parsed) errors.invalid(at, "schedule", Json(schedule), parsed.error().message());
  if (!names_zone(schedule)) return;
  if (old == nullptr || !names_zone(get_text(*old, "schedule"))) {
    errors.invalid(at, "schedule", Json(schedule), "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
  } else if (get(spec, "timeZone") != nullptr) {
    errors.invalid(at, "schedule", Json(schedule), "cannot use both timeZone field and TZ or CRON_TZ in schedule");
  }
}

bool is_zone_part(std::string_view part) {
  if (part.empty() || part.size() > kLongestZonePart || part == "." || part == ".." || part.starts_with('-')) {
    return false;
  }
  return std::all_of(part.begin(), part.end(), [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_' || c == '+');
  });
}

bool is_zone_name(std::string_view name) {
  for (;;) {
    const size_t slash = name.find('/');
    if (!is_zone_part(name.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    name.remove_prefix(slash + 1);
  }
}

bool is_local(std::string_view name) {
  constexpr std::string_view kLocal = "local";
  return std::equal(name.begin(), name.end(), kLocal.begin(), kLocal.end(),
                    [](unsigned char a, char b) { return std::tolower(a) == b; });
}

void check_zone(const JsonObject& spec, const At& at, Errors& errors) {
  const Json* value = get(spec, "timeZone");
  if (value == nullptr) return;
  const std::string_view name = get_text(spec, "timeZone");
  const auto wrong = [&](std::string_view words) { errors.invalid(at, "timeZone", *value, words); };
  if (name.empty()) return wrong("timeZone must be nil or non-empty string");
  if (!is_zone_name(name)) {
    return wrong("unknown time zone " + schema::cut(name, schema::kLongestName));
  }
  if (is_local(name)) {
    return wrong("timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones");
  }
  if (auto zone = sdk::TimeZone::load(name); !zone) wrong(zone.error().message());
}

void check_job_template(const JsonObject& spec, const At& at, Errors& errors) {
  At here = at.child("jobTemplate");
  At there = here.child("spec");
  const JsonObject& job = object_at(object_at(spec, "jobTemplate"), "spec");
  check_job_spec(job, there, errors);
  if (const JsonObject* selector = get_object(job, "selector")) {
    errors.invalid(there, "selector", *selector, "`selector` will be auto-generated");
  }
  if (get_flag(job, "manualSelector")) errors.not_supported(there, "manualSelector", "true", {"nil", "false"});
}

void validate(const JsonObject& cron_job, const JsonObject* old, Errors& errors) {
  At root;
  if (const JsonObject* spec = changed_spec(cron_job, old)) {
    At at = root.child("spec");
    const JsonObject* before = old != nullptr ? &object_at(*old, "spec") : nullptr;
    check_schedule(*spec, before, at, errors);
    const bool other_zone = before == nullptr || get_text(*before, "timeZone") != get_text(*spec, "timeZone");
    if (other_zone) check_zone(*spec, at, errors);
    check_job_template(*spec, at, errors);
  }
  const std::string_view name = get_text(object_at(cron_job, "metadata"), "name");
  if (old == nullptr && name.size() > kLongestName) {
    errors.invalid(root.child("metadata"), "name", Json(name),
                   "must be no more than " + std::to_string(kLongestName) + " bytes");
  }
}

void suspended(Row& row, std::string& out) {
  const Json* flag = at(row.document, "spec.suspend");
  if (flag == nullptr || !flag->is_bool()) return put(out, "<unset>");
  put(out, flag->get_bool() ? "True" : "False");
}

void active(Row& row, std::string& out) { out += std::to_string(members_at(row, "status.active")); }

void last_schedule(Row& row, std::string& out) {
  if (text_at(row.document, "status.lastScheduleTime").empty()) return put(out, "<none>");
  put(out, since(row.document, "status.lastScheduleTime", row.now_ns));
}

constexpr NamedCell kCells[] = {{"cron-job-suspend", suspended},
                                {"cron-job-active", active},
                                {"cron-job-last", last_schedule},
                                {"container-names", container_names},
                                {"container-images", container_images}};

void warn(const JsonObject& cron_job, const JsonObject* old, Warnings& warnings) {
  if (old == nullptr) warn_name(cron_job, warnings);
  const JsonObject& spec = object_at(cron_job, "spec");
  const At root, above = root.child("spec"), at = above.child("jobTemplate");
  if (is_news(cron_job, old))
    warn_job_spec(object_at(object_at(spec, "jobTemplate"), "spec"), at.child("spec"), warnings);
  if (old != nullptr && get_text(spec, "schedule").find("TZ") != std::string_view::npos) {
    warnings.add(
        "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see "
        "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details");
  }
}

}  // namespace

constinit const Behavior behavior{.group = "batch",
                                  .kind = "CronJob",
                                  .default_before = default_before,
                                  .default_after = default_after,
                                  .validate = validate,
                                  .warn = warn,
                                  .cells = kCells};

}  // namespace gantry::kinds::batch_cron_job
