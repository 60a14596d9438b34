#include "posix_zone.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

namespace gantry::sdk {
namespace {

constexpr int64_t kSecondsADay = 86'400;
constexpr int64_t kLatest = 253'402'300'799, kEarliest = -377'705'116'800;  // of the years 9999 and -9999

int64_t days_of(int year, int month, int day) {
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  return std::chrono::sys_days(date).time_since_epoch().count();
}

}  // namespace

struct PosixZone::Text {
  std::string_view left;

  bool take(char c) {
    if (!left.starts_with(c)) return false;
    left.remove_prefix(1);
    return true;
  }
  bool take_name() {
    const bool quoted = take('<');
    size_t length = 0;
    while (length < left.size() && is_part(left[length], quoted)) ++length;
    left.remove_prefix(length);
    return length >= 3 && (!quoted || take('>'));
  }
  static bool is_part(char c, bool quoted) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (quoted && ((c >= '0' && c <= '9') || c == '+' || c == '-'));
  }
  bool take_number(int least, int most, int& out) {
    size_t length = 0;
    out = 0;
    while (length < left.size() && length < 4 && left[length] >= '0' && left[length] <= '9') {
      out = out * 10 + (left[length++] - '0');
    }
    left.remove_prefix(length);
    return length > 0 && out >= least && out <= most;
  }
  // [+-]h[h][:mm[:ss]]
  bool take_time(int most_hours, int32_t& seconds) {
    const bool negative = take('-');
    if (!negative) take('+');
    int hours = 0, minutes = 0, rest = 0;
    if (!take_number(0, most_hours, hours)) return false;
    if (take(':') && !take_number(0, 59, minutes)) return false;
    if (take(':') && !take_number(0, 59, rest)) return false;
    seconds = hours * 3600 + minutes * 60 + rest;
    if (negative) seconds = -seconds;
    return true;
  }
  bool take_day(Day& day) {
    if (take('J')) {
      day.form = Day::Form::kJulian;
      if (!take_number(1, 365, day.day)) return false;
    } else if (take('M')) {
      const bool read = take_number(1, 12, day.month) && take('.') && take_number(1, 5, day.week) && take('.') &&
                        take_number(0, 6, day.day);
      if (!read) return false;
    } else {
      day.form = Day::Form::kZeroBased;
      if (!take_number(0, 365, day.day)) return false;
    }
    return !take('/') || take_time(167, day.seconds);
  }
};

std::optional<PosixZone> PosixZone::parse(std::string_view text) {
  Text in{text};
  PosixZone zone;
  // POSIX counts what has to be added to local time.
  if (!in.take_name() || !in.take_time(24, zone.standard_)) return std::nullopt;
  zone.standard_ = -zone.standard_;
  if (in.left.empty()) return zone;
  if (!in.take_name()) return std::nullopt;
  zone.summer_ = zone.standard_ + 3600;
  if (!in.left.empty() && in.left.front() != ',') {
    if (!in.take_time(24, zone.summer_)) return std::nullopt;
    zone.summer_ = -zone.summer_;
  }
  // Files always have the days; without them they would be those of the United States.
  auto& changes = zone.changes_.emplace();
  for (Day& day : changes) {
    if (!in.take(',') || !in.take_day(day)) return std::nullopt;
  }
  if (!in.left.empty()) return std::nullopt;
  return zone;
}

int64_t PosixZone::local_seconds(const Day& day, int year) {
  int64_t days = days_of(year, 1, 1);
  if (day.form == Day::Form::kZeroBased) {
    days += day.day;
  } else if (day.form == Day::Form::kJulian) {
    const bool leap = std::chrono::year(year).is_leap();
    days += day.day - 1 + (leap && day.day >= 60 ? 1 : 0);  // never February 29
  } else {
    const int64_t first = days_of(year, day.month, 1);
    const int64_t weekday = ((first + 4) % 7 + 7) % 7;  // 1970 began with a Thursday
    days = first + (day.day - weekday + 7) % 7 + (day.week - 1) * 7;
    const int64_t next = day.month == 12 ? days_of(year + 1, 1, 1) : days_of(year, day.month + 1, 1);
    if (days >= next) days -= 7;  // week 5 is the last one
  }
  return days * kSecondsADay + day.seconds;
}

PosixZone::Span PosixZone::at(int64_t unix_seconds) const {
  constexpr int64_t kFirst = std::numeric_limits<int64_t>::min(), kLast = std::numeric_limits<int64_t>::max();
  if (!changes_) return {kFirst, kLast, standard_};
  const int64_t now = std::clamp(unix_seconds, kEarliest, kLatest);
  const std::chrono::sys_days today{
      std::chrono::days(now >= 0 ? now / kSecondsADay : (now - kSecondsADay + 1) / kSecondsADay)};
  const int year = static_cast<int>(std::chrono::year_month_day(today).year());
  struct Change {
    int64_t at;
    bool to_summer;
    // Where one year's summer ends as the next one's begins, it is summer.
    bool operator<(const Change& other) const { return at != other.at ? at < other.at : to_summer < other.to_summer; }
  };
  // A change may be a week before or after its day, and so in another year.
  std::array<Change, 10> all{};
  for (size_t i = 0; i < all.size() / 2; ++i) {
    const int of = year - 2 + static_cast<int>(i);
    all[2 * i] = {local_seconds((*changes_)[0], of) - standard_, true};
    all[2 * i + 1] = {local_seconds((*changes_)[1], of) - summer_, false};
  }
  std::sort(all.begin(), all.end());
  const auto next = std::find_if(all.begin(), all.end(), [&](const Change& change) { return change.at > now; });
  const auto last = std::prev(next);
  return {last->at, next->at, last->to_summer ? summer_ : standard_};
}

}  // namespace gantry::sdk
