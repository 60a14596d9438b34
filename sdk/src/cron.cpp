#include "gantry/cron.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string>
#include <vector>

#include "gantry/durations.hpp"
#include "gantry/times.hpp"

namespace gantry::sdk {
namespace {

constexpr int kYears = 5;
constexpr int64_t kDaySeconds = 86'400;

int64_t floor_div(int64_t value, int64_t by) { return value / by - (value % by < 0 ? 1 : 0); }

std::optional<int64_t> to_nanos(int64_t seconds) {
  int64_t nanos = 0;
  if (__builtin_mul_overflow(seconds, kNanosPerSecond, &nanos)) return std::nullopt;
  return nanos;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators, bool keep_empty) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find_first_of(separators);
    if (const auto part = text.substr(0, end); keep_empty || !part.empty()) parts.push_back(part);
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

Status refusal(std::string_view what, std::string_view text) {
  return Status::invalid(std::string(what) + ": " + std::string(text));
}

Expected<uint64_t> parse_number(std::string_view text) {
  const bool plus = text.starts_with('+') && !text.starts_with("+-");
  const auto digits = plus ? text.substr(1) : text;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = end == digits.data() + digits.size();
  if (error != std::errc() || !whole) {
    const bool far = error == std::errc::result_out_of_range && whole;
    const std::string given(text);
    return Status::invalid("failed to parse int from " + given + ": strconv.Atoi: parsing \"" + given +
                           "\": " + (far ? "value out of range" : "invalid syntax"));
  }
  if (value < 0) return refusal("negative number (" + std::to_string(value) + ") not allowed", text);
  return static_cast<uint64_t>(value);
}

bool same_word(std::string_view a, std::string_view lower) {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(),
                    [](char x, char y) { return (x >= 'A' && x <= 'Z' ? x - 'A' + 'a' : x) == y; });
}

}  // namespace

// The values of a field; names stand for numbers from `least` on.
struct CronSchedule::Range {
  uint32_t least, most;
  std::array<std::string_view, 12> names = {};

  Expected<uint64_t> read(std::string_view text) const {
    for (uint32_t i = 0; i < names.size(); ++i) {
      if (!names[i].empty() && same_word(text, names[i])) return uint64_t{least + i};
    }
    return parse_number(text);
  }
};

// A local time, and how long its offset holds.
struct CronSchedule::Clock {
  TimeZone::Span span;
  int64_t local;  // seconds since 1970 as the clock on the wall would count them
  int64_t days;
  std::chrono::year_month_day date;

  Clock(int64_t seconds, const TimeZone& zone)
      : span(zone.at(seconds)),
        local(seconds + span.offset),
        days(floor_div(local, kDaySeconds)),
        date(std::chrono::sys_days(std::chrono::days(days))) {}

  int year() const { return static_cast<int>(date.year()); }
  unsigned month() const { return static_cast<unsigned>(date.month()); }
  unsigned day() const { return static_cast<unsigned>(date.day()); }
  unsigned weekday() const { return std::chrono::weekday(std::chrono::sys_days(std::chrono::days(days))).c_encoding(); }
  int64_t midnight() const { return days * kDaySeconds; }
  unsigned hour() const { return static_cast<unsigned>((local - midnight()) / 3600); }
  unsigned minute() const { return static_cast<unsigned>((local - midnight()) / 60 % 60); }
  int64_t second() const { return (local - midnight()) % 60; }
  int64_t month_begin() const { return midnight() - int64_t{day() - 1} * kDaySeconds; }
  int64_t month_end() const {
    const auto next = date.year() / date.month() + std::chrono::months(1);
    return std::chrono::sys_days(next / 1).time_since_epoch().count() * kDaySeconds;
  }
  int64_t hour_begin() const { return midnight() + int64_t{hour()} * 3600; }
  int64_t minute_begin() const { return local - second(); }
  // A later or earlier local time as an instant, or the next change of the clocks before it.
  int64_t forward(int64_t to) const { return std::min(to - span.offset, span.end); }
  int64_t back_before(int64_t to) const { return std::max(to - span.offset, span.begin) - 1; }
};

Expected<uint64_t> CronSchedule::parse_item(std::string_view text, const Range& range, bool& star) {
  const auto range_and_step = split(text, "/", true);
  const auto ends = split(range_and_step[0], "-", true);
  const bool all = ends[0] == "*" || ends[0] == "?";
  uint64_t first = range.least, last = range.most, step = 1;
  if (!all) {
    const auto low = range.read(ends[0]);
    if (!low) return low.error();
    first = last = *low;
    if (ends.size() > 2) return refusal("too many hyphens", text);
    const auto high = ends.size() == 2 ? range.read(ends[1]) : low;
    if (!high) return high.error();
    last = *high;
  }
  if (range_and_step.size() > 2) return refusal("too many slashes", text);
  if (range_and_step.size() == 2) {
    const auto given = parse_number(range_and_step[1]);
    if (!given) return given.error();
    step = *given;
    if (ends.size() == 1) last = range.most;  // "5/10" is "5-59/10"
  }
  const auto number = [](uint64_t value) { return "(" + std::to_string(value) + ")"; };
  if (first < range.least) {
    return refusal("beginning of range " + number(first) + " below minimum " + number(range.least), text);
  }
  if (last > range.most) return refusal("end of range " + number(last) + " above maximum " + number(range.most), text);
  if (first > last)
    return refusal("beginning of range " + number(first) + " beyond end of range " + number(last), text);
  if (step == 0) return refusal("step of range should be a positive number", text);
  star = star || (all && step == 1);
  uint64_t values = 0;
  for (uint64_t value = first; value <= last; value += step) values |= uint64_t{1} << value;
  return values;
}

Expected<CronSchedule::Field> CronSchedule::parse_field(std::string_view text, const Range& range) {
  Field field;
  for (const auto item : split(text, ",", false)) {
    const auto values = parse_item(item, range, field.star);
    if (!values) return values.error();
    field.values |= *values;
  }
  return field;
}

Expected<CronSchedule> CronSchedule::parse_macro(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kMacros{{{"@yearly", "0 0 1 1 *"},
                                                                                  {"@annually", "0 0 1 1 *"},
                                                                                  {"@monthly", "0 0 1 * *"},
                                                                                  {"@weekly", "0 0 * * 0"},
                                                                                  {"@daily", "0 0 * * *"},
                                                                                  {"@midnight", "0 0 * * *"},
                                                                                  {"@hourly", "0 * * * *"}}};
  for (const auto& [name, meaning] : kMacros) {
    if (text == name) return parse(meaning);
  }
  constexpr std::string_view kEvery = "@every ";
  if (!text.starts_with(kEvery)) return refusal("unrecognized descriptor", text);
  const auto interval = parse_duration(text.substr(kEvery.size()));
  if (!interval) return Status(interval.error()).in("failed to parse duration " + std::string(text));
  CronSchedule schedule;
  schedule.every_ns_ = std::max(*interval - *interval % kNanosPerSecond, kNanosPerSecond);
  return schedule;
}

Expected<CronSchedule> CronSchedule::parse(std::string_view text) {
  static constexpr Range kMinutes{0, 59}, kHours{0, 23}, kDays{1, 31};
  static constexpr Range kMonths{
      1, 12, {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}};
  static constexpr Range kWeekdays{0, 6, {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}};
  if (text.empty()) return Status::invalid("empty spec string");
  if (text.starts_with('@')) return parse_macro(text);
  const auto words = split(text, " \t\n\v\f\r", false);
  if (words.size() != 5) {
    std::string list;
    for (const auto word : words) list.append(list.empty() ? "[" : " ").append(word);
    return refusal("expected exactly 5 fields, found " + std::to_string(words.size()),
                   list.empty() ? "[]" : list + "]");
  }
  CronSchedule schedule;
  const std::array<std::pair<Field*, const Range*>, 5> fields{{{&schedule.minute_, &kMinutes},
                                                               {&schedule.hour_, &kHours},
                                                               {&schedule.day_, &kDays},
                                                               {&schedule.month_, &kMonths},
                                                               {&schedule.weekday_, &kWeekdays}}};
  for (size_t i = 0; i < fields.size(); ++i) {
    auto field = parse_field(words[i], *fields[i].second);
    if (!field) return std::move(field).error();
    *fields[i].first = *field;
  }
  return schedule;
}

// Both days must match where one of them is a star; else one of them.
bool CronSchedule::day_matches(const Clock& clock) const {
  const bool day = day_.has(clock.day()), weekday = weekday_.has(clock.weekday());
  return day_.star || weekday_.star ? day && weekday : day || weekday;
}

std::optional<int64_t> CronSchedule::next(int64_t after_ns, const TimeZone& zone) const {
  int64_t at = floor_div(after_ns, kNanosPerSecond) + 1;
  if (every_ns_ != 0) return to_nanos(at - 1 + every_ns_ / kNanosPerSecond);
  if (minute_.values == 0 || hour_.values == 0)
    return std::nullopt;  // of a list of nothing: each minute would be tried
  const int last_year = Clock(at, zone).year() + kYears;
  for (;;) {
    const Clock clock(at, zone);
    if (clock.year() > last_year) return std::nullopt;
    if (!month_.has(clock.month())) {
      at = clock.forward(clock.month_end());
    } else if (!day_matches(clock)) {
      at = clock.forward(clock.midnight() + kDaySeconds);
    } else if (!hour_.has(clock.hour())) {
      at = clock.forward(clock.hour_begin() + 3600);
    } else if (!minute_.has(clock.minute()) || clock.second() != 0) {
      at = clock.forward(clock.minute_begin() + 60);
    } else {
      return to_nanos(at);
    }
  }
}

// The last time until then, for one that there is.
std::optional<int64_t> CronSchedule::previous(int64_t until_ns, const TimeZone& zone) const {
  int64_t at = floor_div(until_ns, kNanosPerSecond);
  const int first_year = Clock(at, zone).year() - kYears;
  for (;;) {
    const Clock clock(at, zone);
    if (clock.year() < first_year) return std::nullopt;
    if (!month_.has(clock.month())) {
      at = clock.back_before(clock.month_begin());
    } else if (!day_matches(clock)) {
      at = clock.back_before(clock.midnight());
    } else if (!hour_.has(clock.hour())) {
      at = clock.back_before(clock.hour_begin());
    } else if (!minute_.has(clock.minute()) || clock.minute_begin() - clock.span.offset < clock.span.begin) {
      at = clock.back_before(clock.minute_begin());
    } else {
      return to_nanos(clock.minute_begin() - clock.span.offset);
    }
  }
}

Expected<CronSchedule::Due> CronSchedule::due(int64_t earliest_ns, int64_t now_ns, const TimeZone& zone) const {
  const auto first = next(earliest_ns, zone);
  if (!first) return Status::invalid("the schedule has no time within five years");
  if (now_ns < *first) return Due{};
  const auto second = next(*first, zone);
  if (!second || now_ns < *second) return Due{first, 1};
  const int64_t passed = between(*first, now_ns), distance = between(*first, *second);
  Due due{std::nullopt, passed / distance + 1};
  due.latest_ns = every_ns_ != 0 ? *first + passed / every_ns_ * every_ns_ : previous(now_ns, zone);
  return due;
}

}  // namespace gantry::sdk
