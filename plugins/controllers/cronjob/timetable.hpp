// When a CronJob's Jobs are due: its schedule in its zone. Pure but for the zone data; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "gantry/cron.hpp"
#include "k8s.io/api/batch/v1/cron_job.pb.h"
#include "zones.hpp"

namespace gantry::cronjob {

inline constexpr char kUnknownTimeZone[] = "UnknownTimeZone";
inline constexpr char kUnparseableSchedule[] = "UnparseableSchedule";
inline constexpr char kInvalidSchedule[] = "InvalidSchedule";

class Timetable {
 public:
  // An error's reason and message are those of the Event that tells of it.
  static Expected<Timetable> of(const batchv1::CronJobSpec& spec, Zones& zones, int64_t monotonic_ns);

  struct Due {
    // The last time at which a Job should have been started and may still be; null: none.
    std::optional<int64_t> latest_ns;
    bool too_many = false;
    // The last time that is too late by startingDeadlineSeconds, where nothing is due.
    std::optional<int64_t> missed_ns;
  };
  // `since_ns`: nothing before that counts.
  Expected<Due> due(const batchv1::CronJob& cron_job, int64_t since_ns, int64_t now_ns) const;

  // In how many milliseconds to look again: when the next Job is due, and a little later, for clocks differ.
  int64_t next_ms(const batchv1::CronJob& cron_job, int64_t since_ns, int64_t now_ns) const;

  // The schedule names a zone, which was allowed once.
  bool names_zone() const { return names_zone_; }

 private:
  sdk::CronSchedule schedule_;
  sdk::TimeZone zone_;
  bool names_zone_ = false;
};

// "2030-06-01T02:00:00+02:00", "Mon, 02 Jan 2006 15:04:05 +0000".
std::string rfc3339(int64_t unix_ns, const sdk::TimeZone& zone);
std::string rfc1123_utc(int64_t unix_ns);

}  // namespace gantry::cronjob
