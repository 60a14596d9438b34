#include "timetable.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "gantry/json_text.hpp"
#include "gantry/times.hpp"

namespace gantry::cronjob {
namespace {

constexpr int64_t kClockDifferenceNs = 100 * kNanosPerMilli;
// Of a schedule whose next time is beyond the horizon of the search.
constexpr int64_t kLookAgainMs = 365LL * 24 * 3600 * 1000;

Status complaint(const char* reason, std::string message) { return {422, reason, std::move(message)}; }

// A local time in its parts.
struct Parts {
  std::chrono::year_month_day date;
  unsigned weekday;
  int hour, minute, second;

  Parts(int64_t unix_ns, int32_t offset) : date(), weekday(), hour(), minute(), second() {
    const std::chrono::sys_seconds at(std::chrono::seconds(unix_ns / kNanosPerSecond + offset));
    const auto day = std::chrono::floor<std::chrono::days>(at);
    const auto seconds = static_cast<int>((at - day).count());
    date = std::chrono::year_month_day(day);
    weekday = std::chrono::weekday(day).c_encoding();
    hour = seconds / 3600;
    minute = seconds / 60 % 60;
    second = seconds % 60;
  }
  int year() const { return static_cast<int>(date.year()); }
  unsigned month() const { return static_cast<unsigned>(date.month()); }
  unsigned day() const { return static_cast<unsigned>(date.day()); }
};

int64_t earliest_of(const batchv1::CronJob& cron_job, int64_t since_ns) {
  const auto& status = cron_job.status();
  const int64_t last = status.has_last_schedule_time() ? to_ns(status.last_schedule_time())
                                                       : to_ns(cron_job.metadata().creation_timestamp());
  return std::max(last, since_ns);
}

}  // namespace

Expected<Timetable> Timetable::of(const batchv1::CronJobSpec& spec, Zones& zones, int64_t monotonic_ns) {
  Timetable table;
  if (spec.has_time_zone()) {
    auto zone = zones.get(spec.time_zone(), monotonic_ns);
    if (!zone) {
      return complaint(kUnknownTimeZone,
                       "invalid timeZone: " + sdk::json_string(spec.time_zone()) + ": " + zone.error().message());
    }
    table.zone_ = *zone;
  }
  const auto unparseable = [&](const std::string& why) {
    return complaint(kUnparseableSchedule, "unparseable schedule: " + sdk::json_string(spec.schedule()) + " : " + why);
  };
  std::string_view fields = spec.schedule();
  table.names_zone_ = fields.find("TZ") != std::string_view::npos;
  std::string named;
  if (fields.starts_with("TZ=") || fields.starts_with("CRON_TZ=")) {
    const size_t space = std::min(fields.find(' '), fields.size());
    const size_t begin = fields.find('=') + 1;
    named = fields.substr(begin, space - begin);
    fields.remove_prefix(std::min(fields.find_first_not_of(' ', space), fields.size()));
  }
  if (!named.empty() || !spec.has_time_zone()) {
    auto zone = zones.get(named, monotonic_ns);
    if (!zone) return unparseable("provided bad location " + named + ": " + zone.error().message());
    table.zone_ = *zone;
  }
  auto schedule = sdk::CronSchedule::parse(fields);
  if (!schedule) return unparseable(schedule.error().message());
  table.schedule_ = *schedule;
  return table;
}

Expected<Timetable::Due> Timetable::due(const batchv1::CronJob& cron_job, int64_t since_ns, int64_t now_ns) const {
  const int64_t earliest = earliest_of(cron_job, since_ns);
  const auto& spec = cron_job.spec();
  int64_t from = earliest;
  if (spec.has_starting_deadline_seconds()) {
    int64_t deadline = 0;
    if (!__builtin_mul_overflow(spec.starting_deadline_seconds(), kNanosPerSecond, &deadline)) {
      from = std::max(earliest, later(now_ns, -deadline));
    }
  }
  const auto found = schedule_.due(from, now_ns, zone_);
  if (!found) {
    return complaint(kInvalidSchedule, "invalid schedule: " + spec.schedule() +
                                           " : time difference between two schedules is less than 1 second");
  }
  Due due{found->latest_ns, found->latest_ns && found->too_many(), std::nullopt};
  if (!due.latest_ns && from != earliest) {
    if (const auto late = schedule_.due(earliest, now_ns, zone_); late) due.missed_ns = late->latest_ns;
  }
  return due;
}

int64_t Timetable::next_ms(const batchv1::CronJob& cron_job, int64_t since_ns, int64_t now_ns) const {
  const int64_t earliest = earliest_of(cron_job, since_ns);
  const auto due = schedule_.due(earliest, now_ns, zone_);
  int64_t after = earliest;
  if (!due || due->starts > 0) after = due && due->latest_ns ? *due->latest_ns : now_ns;
  const auto next = schedule_.next(after, zone_);
  return next ? std::max<int64_t>(until_ms(later(*next, kClockDifferenceNs), now_ns), 1) : kLookAgainMs;
}

std::string rfc3339(int64_t unix_ns, const sdk::TimeZone& zone) {
  const int32_t offset = zone.at(unix_ns / kNanosPerSecond).offset;
  const Parts at(unix_ns, offset);
  std::array<char, 64> text{};
  const int size = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d", at.year(), at.month(),
                                 at.day(), at.hour, at.minute, at.second);
  std::string out(text.data(), static_cast<size_t>(size));
  const int minutes = std::abs(offset) / 60;
  if (offset == 0) return out + "Z";
  std::snprintf(text.data(), text.size(), "%c%02d:%02d", offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
  return out + text.data();
}

std::string rfc1123_utc(int64_t unix_ns) {
  static constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const Parts at(unix_ns, 0);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d +0000", kDays.at(at.weekday), at.day(),
                kMonths.at(at.month() - 1), at.year(), at.hour, at.minute, at.second);
  return text.data();
}

}  // namespace gantry::cronjob
