// Owns what constants of timestamps and durations look like. Pure, any thread.
#include "core/cel/literal_rules.hpp"

#include <algorithm>
#include <charconv>

namespace gantry::cel {
namespace {

bool take_digits(std::string_view& text, size_t least, size_t most) {
  size_t count = 0;
  while (count < text.size() && count < most && text[count] >= '0' && text[count] <= '9') ++count;
  text.remove_prefix(count);
  return count >= least;
}

bool take_text(std::string_view& text, std::string_view wanted) {
  if (!text.starts_with(wanted)) return false;
  text.remove_prefix(wanted.size());
  return true;
}

// "-1h30m", "1.5s".
bool is_duration(std::string_view text) {
  if (!take_text(text, "-")) take_text(text, "+");
  if (text == "0") return true;
  if (text.empty()) return false;
  while (!text.empty()) {
    const bool whole = take_digits(text, 1, text.size());
    const bool fraction = take_text(text, ".") && take_digits(text, 1, text.size());
    if (!whole && !fraction) return false;
    const bool unit = take_text(text, "ns") || take_text(text, "us") || take_text(text, "\u00b5s") ||
                      take_text(text, "\u03bcs") || take_text(text, "ms") || take_text(text, "s") ||
                      take_text(text, "m") || take_text(text, "h");
    if (!unit) return false;
  }
  return true;
}

int take_number(std::string_view& text, size_t digits) {
  int value = -1;
  const std::string_view number = text.substr(0, digits);
  if (number.size() < digits || !take_digits(text, digits, digits)) return -1;
  std::from_chars(number.data(), number.data() + digits, value);
  return value;
}

bool within(int value, int low, int high) { return value >= low && value <= high; }

int days_of(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

// RFC 3339.
bool is_timestamp(std::string_view text) {
  const int year = take_number(text, 4);
  if (year < 1 || !take_text(text, "-")) return false;
  const int month = take_number(text, 2);
  if (!within(month, 1, 12) || !take_text(text, "-")) return false;
  if (!within(take_number(text, 2), 1, days_of(year, month)) || !take_text(text, "T")) return false;
  if (!within(take_number(text, 2), 0, 23) || !take_text(text, ":")) return false;
  if (!within(take_number(text, 2), 0, 59) || !take_text(text, ":")) return false;
  if (!within(take_number(text, 2), 0, 59)) return false;
  if (take_text(text, ".") && !take_digits(text, 1, text.size())) return false;
  if (text == "Z") return true;
  if (!take_text(text, "+") && !take_text(text, "-")) return false;
  return within(take_number(text, 2), 0, 23) && take_text(text, ":") && within(take_number(text, 2), 0, 59) &&
         text.empty();
}

const std::string* constant_text(const Call& call) {
  if (call.target != nullptr || call.args.size() != 1) return nullptr;
  const auto* constant = std::get_if<Constant>(&call.args[0]->node);
  return constant != nullptr ? std::get_if<std::string>(constant) : nullptr;
}

}  // namespace

bool has_literal_rules(const Call& call) {
  return (call.function == "duration" || call.function == "timestamp") && constant_text(call) != nullptr;
}

void check_literals(const Call& call, Issues& issues) {
  const bool duration = call.function == "duration";
  const std::string* text = constant_text(call);
  if (text == nullptr || (duration ? is_duration(*text) : is_timestamp(*text))) return;
  issues.add(call.args[0]->at, "invalid " + call.function + " argument");
}

}  // namespace gantry::cel
