// Owns the spellings of times. Pure functions, any thread.
#include "core/schema/values/times.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <limits>

#include "core/schema/values/text.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::schema {
namespace {

constexpr int64_t kSecond = 1000000000;

// Days since 1970 of a date of the proleptic Gregorian calendar (Hinnant's algorithm), and back.
int64_t days_from_civil(int64_t y, int m, int d) {
  y -= m <= 2;
  int64_t era = (y >= 0 ? y : y - 399) / 400;
  int64_t yoe = y - era * 400;
  int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + doe - 719468;
}

void civil_from_days(int64_t z, int64_t& y, int& m, int& d) {
  z += 719468;
  int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  int64_t doe = z - era * 146097;
  int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  int64_t mp = (5 * doy + 2) / 153;
  d = static_cast<int>(doy - (153 * mp + 2) / 5 + 1);
  m = static_cast<int>(mp < 10 ? mp + 3 : mp - 9);
  y = yoe + era * 400 + (m <= 2);
}

// Reads fixed-width pieces and remembers where reading stopped, for Go's message.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}
  bool number(size_t width, int& out) {
    if (rest().size() < width) return false;
    out = 0;
    for (size_t i = 0; i < width; ++i) {
      char c = text_[pos_ + i];
      if (c < '0' || c > '9') return false;
      out = out * 10 + (c - '0');
    }
    pos_ += width;
    return true;
  }
  bool literal(char c) {
    if (pos_ >= text_.size() || text_[pos_] != c) return false;
    ++pos_;
    return true;
  }
  std::string_view rest() const { return text_.substr(pos_); }
  bool at_end() const { return pos_ == text_.size(); }
  void skip() { ++pos_; }

 private:
  std::string_view text_;
  size_t pos_ = 0;
};

bool digit(std::string_view text, size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '9'; }

// A time on its way from its text, piece by piece; errors are Go's, of the layout that is read by.
class Reading {
 public:
  Reading(std::string_view text, std::string_view layout) : text_(text), layout_(layout), in_(text) {}

  Status date() {
    if (auto status = piece(4, "2006", 0, 9999, "year", year_); !status.ok()) return status;
    if (!in_.literal('-')) return bad("-");
    if (auto status = piece(2, "01", 1, 12, "month", month_); !status.ok()) return status;
    if (!in_.literal('-')) return bad("-");
    // Whether the month has this day is looked at in the end.
    return piece(2, "02", 0, 99, "day", day_);
  }

  Status clock() {
    if (!in_.literal('T')) return bad("T");
    if (auto status = piece(2, "15", 0, 23, "hour", hour_); !status.ok()) return status;
    if (!in_.literal(':')) return bad(":");
    if (auto status = piece(2, "04", 0, 59, "minute", minute_); !status.ok()) return status;
    if (!in_.literal(':')) return bad(":");
    return piece(2, "05", 0, 59, "second", second_);
  }

  // A fraction of any length, or of none.
  void fraction() {
    const std::string_view rest = in_.rest();
    if (rest.empty() || (rest.front() != '.' && rest.front() != ',') || !digit(rest, 1)) return;
    in_.skip();
    int32_t unit = 100000000;
    for (int n = 0; in_.number(1, n); unit /= 10) nanos_ += n * unit;
  }

  Status six_digits() {
    const std::string_view rest = in_.rest();
    if (rest.empty() || (rest.front() != '.' && rest.front() != ',')) return bad(".000000");
    for (size_t i = 1; i <= 6; ++i) {
      if (!digit(rest, i)) return bad(".000000");
    }
    in_.skip();
    int micros = 0;
    in_.number(6, micros);
    nanos_ = micros * 1000;
    return {};
  }

  Status zone() {
    if (in_.literal('Z')) return {};
    const std::string_view rest = in_.rest();
    const bool fits = rest.size() >= 6 && (rest[0] == '+' || rest[0] == '-') && digit(rest, 1) && digit(rest, 2) &&
                      rest[3] == ':' && digit(rest, 4) && digit(rest, 5);
    if (!fits) return bad("Z07:00");
    int hours = 0, minutes = 0;
    in_.skip();
    in_.number(2, hours);
    in_.skip();
    in_.number(2, minutes);
    if (hours > 24) return out_of_range("time zone offset hour");
    if (minutes > 60) return out_of_range("time zone offset minute");
    offset_ = (rest[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    return {};
  }

  Expected<Moment> end() const {
    if (!in_.at_end()) {
      return Status::bad_request("parsing time " + quoted(text_) + ": extra text: " + quoted(in_.rest()));
    }
    if (day_ < 1 || day_ > days_in(year_, month_)) return out_of_range("day");
    Moment out;
    out.seconds = days_from_civil(year_, month_, day_) * 86400 + hour_ * 3600 + minute_ * 60 + second_ - offset_;
    out.nanos = nanos_;
    return out;
  }

 private:
  Status piece(size_t width, std::string_view element, int low, int high, std::string_view name, int& out) {
    if (!in_.number(width, out)) return bad(element);
    return out < low || out > high ? out_of_range(name) : Status();
  }
  Status bad(std::string_view element) const {
    return Status::bad_request("parsing time " + quoted(text_) + " as " + quoted(layout_) + ": cannot parse " +
                               quoted(in_.rest()) + " as " + quoted(element));
  }
  Status out_of_range(std::string_view name) const {
    return Status::bad_request("parsing time " + quoted(text_) + ": " + std::string(name) + " out of range");
  }

  static bool leap(int y) { return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0; }
  static int days_in(int y, int m) {
    constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return m == 2 && leap(y) ? 29 : kDays[static_cast<size_t>(m - 1)];
  }

  const std::string_view text_, layout_;
  Cursor in_;
  int year_ = 0, month_ = 0, day_ = 0, hour_ = 0, minute_ = 0, second_ = 0;
  int32_t nanos_ = 0;
  int64_t offset_ = 0;
};

}  // namespace

Expected<Moment> parse_moment(std::string_view text, bool micro) {
  Reading reading(text, micro ? "2006-01-02T15:04:05.000000Z07:00" : "2006-01-02T15:04:05Z07:00");
  if (auto status = reading.date(); !status.ok()) return status;
  if (auto status = reading.clock(); !status.ok()) return status;
  if (micro) {
    if (auto status = reading.six_digits(); !status.ok()) return status;
  } else {
    reading.fraction();
  }
  if (auto status = reading.zone(); !status.ok()) return status;
  return reading.end();
}

std::string format_moment(const Moment& moment, int digits) {
  int64_t days = moment.seconds / 86400, rest = moment.seconds % 86400;
  if (rest < 0) {
    rest += 86400;
    --days;
  }
  int64_t y = 0;
  int m = 0, d = 0;
  civil_from_days(days, y, m, d);
  char buffer[64];
  int n = std::snprintf(buffer, sizeof buffer, "%04lld-%02d-%02dT%02d:%02d:%02d", static_cast<long long>(y), m, d,
                        static_cast<int>(rest / 3600), static_cast<int>(rest / 60 % 60), static_cast<int>(rest % 60));
  std::string out(buffer, static_cast<size_t>(n));
  if (digits == 6) {
    n = std::snprintf(buffer, sizeof buffer, ".%06d", moment.nanos / 1000);
    out.append(buffer, static_cast<size_t>(n));
  }
  out.push_back('Z');
  return out;
}

Expected<int64_t> parse_time(std::string_view text) {
  auto moment = parse_moment(text);
  if (!moment) return std::move(moment).error();
  int64_t nanos = 0;
  if (__builtin_mul_overflow(moment->seconds, kSecond, &nanos) ||
      __builtin_add_overflow(nanos, static_cast<int64_t>(moment->nanos), &nanos)) {
    return Status::bad_request("time out of range: " + std::string(text));
  }
  return nanos;
}

namespace {
Moment split(int64_t unix_ns) {
  Moment out{unix_ns / kSecond, static_cast<int32_t>(unix_ns % kSecond)};
  if (out.nanos < 0) {
    out.nanos += static_cast<int32_t>(kSecond);
    --out.seconds;
  }
  return out;
}
}  // namespace

std::string format_time(int64_t unix_ns) { return format_moment(split(unix_ns), 0); }
std::string format_micro_time(int64_t unix_ns) { return format_moment(split(unix_ns), 6); }

std::string human_duration(int64_t seconds) {
  auto part = [](int64_t n, char unit) { return std::to_string(n) + unit; };
  auto both = [&](int64_t a, char ua, int64_t b, char ub) { return part(a, ua) + (b == 0 ? "" : part(b, ub)); };
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 60 * 2) return part(seconds, 's');
  int64_t minutes = seconds / 60;
  if (minutes < 10) return both(minutes, 'm', seconds % 60, 's');
  if (minutes < 60 * 3) return part(minutes, 'm');
  int64_t hours = seconds / 3600;
  if (hours < 8) return both(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return part(hours, 'h');
  int64_t days = hours / 24;
  if (hours < 24 * 8) return both(days, 'd', hours % 24, 'h');
  if (hours < 24 * 365 * 2) return part(days, 'd');
  int64_t years = days / 365;
  if (hours < 24 * 365 * 8) return both(years, 'y', days % 365, 'd');
  return part(years, 'y');
}

}  // namespace gantry::schema
