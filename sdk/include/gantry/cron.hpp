// Cron schedules as CronJobs have them: "minute hour day-of-month month day-of-week" with lists, ranges, steps and
// names, the macros @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually, and "@every 1h30m". What is
// accepted, and what is said of the rest, is upstream's (robfig/cron v3, standard form); a zone in the text is not.
// Value type, any thread. Times are nanoseconds since 1970; every search is bounded by five years.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "gantry/status.hpp"
#include "gantry/time_zone.hpp"

namespace gantry::sdk {

class CronSchedule {
 public:
  static Expected<CronSchedule> parse(std::string_view text);

  // The first time behind `after_ns`. Null when there is none within five years, as of February 30.
  //
  // A time that the zone's clocks leave out in spring does not come on that day; one that they show twice in autumn
  // comes twice. That is upstream's, but for days that have no midnight, which upstream may leave out whole.
  std::optional<int64_t> next(int64_t after_ns, const TimeZone& zone) const;

  // What was due from behind `earliest_ns` until `now_ns`.
  struct Due {
    std::optional<int64_t> latest_ns;  // null: nothing yet
    // How often, the latest included: exact up to 1, then by the distance of the first two.
    int64_t starts = 0;
    // So often that a clock must have been wrong, or nobody looked for long: worth an Event.
    bool too_many() const { return starts > 100; }
  };
  // An error when the schedule has no time within five years.
  Expected<Due> due(int64_t earliest_ns, int64_t now_ns, const TimeZone& zone) const;

 private:
  struct Field {
    uint64_t values = 0;  // a bit each
    bool star = false;
    bool has(unsigned value) const { return (values >> value & 1) != 0; }
  };
  struct Range;
  struct Clock;
  static Expected<Field> parse_field(std::string_view text, const Range& range);
  static Expected<uint64_t> parse_item(std::string_view text, const Range& range, bool& star);
  static Expected<CronSchedule> parse_macro(std::string_view text);
  bool day_matches(const Clock& clock) const;
  std::optional<int64_t> previous(int64_t until_ns, const TimeZone& zone) const;

  Field minute_, hour_, day_, month_, weekday_;
  int64_t every_ns_ = 0;  // not 0: an interval, whatever the clock says
};

}  // namespace gantry::sdk
