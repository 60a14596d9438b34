#include "core/kinds/parts/job_indexes.hpp"

#include <algorithm>
#include <charconv>

#include "core/schema/values/text.hpp"

namespace gantry::kinds {
namespace {

constexpr size_t kShown = 128;  // of what is wrong in a list

struct Interval {
  int64_t first = 0, last = 0;
};

std::string shown(std::string_view text) { return schema::quoted(schema::cut(text, kShown)); }

Status out_of_order(int64_t previous, int64_t current) {
  return Status::invalid("non-increasing order, previous: " + std::to_string(previous) +
                         ", current: " + std::to_string(current));
}

Expected<int64_t> parse_index(std::string_view text, int64_t completions) {
  const std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    return Status::invalid("cannot convert string to integer for index: " + shown(text));
  }
  if (number >= completions) return Status::invalid("too large index: " + shown(text));
  return number;
}

Expected<Interval> parse_interval(std::string_view text, int64_t completions) {
  if (std::count(text.begin(), text.end(), '-') > 1) {
    return Status::invalid(
        "the fragment " + shown(text) +
        " violates the requirement that an index interval can have at most two parts separated by '-'");
  }
  const size_t dash = text.find('-');
  const auto first = parse_index(text.substr(0, dash), completions);
  if (!first) return first.error();
  if (dash == std::string_view::npos) return Interval{*first, *first};
  const auto last = parse_index(text.substr(dash + 1), completions);
  if (!last) return last.error();
  if (*first >= *last) return out_of_order(*first, *last);
  return Interval{*first, *last};
}

// The intervals of a list, one after the other.
class Intervals {
 public:
  Intervals(std::string_view list, int64_t completions)
      : rest_(list), completions_(completions), more_(!list.empty()) {}
  bool more() const { return more_; }
  Expected<Interval> next() {
    const size_t comma = rest_.find(',');
    const std::string_view text = rest_.substr(0, comma);
    more_ = comma != std::string_view::npos;
    rest_.remove_prefix(more_ ? comma + 1 : rest_.size());
    return parse_interval(text, completions_);
  }
  std::optional<Interval> next_good() {
    while (more_) {
      if (auto found = next()) return *found;
    }
    return std::nullopt;
  }

 private:
  std::string_view rest_;
  int64_t completions_;
  bool more_;
};

}  // namespace

Expected<int64_t> count_indexes(std::string_view list, int64_t completions) {
  std::optional<int64_t> previous;
  int64_t total = 0;
  Intervals intervals(list, completions);
  while (intervals.more()) {
    const auto interval = intervals.next();
    if (!interval) return interval.error();
    if (previous && *previous >= interval->first) return out_of_order(*previous, interval->first);
    total += interval->last - interval->first + 1;
    previous = interval->last;
  }
  return total;
}

std::optional<int64_t> common_index(std::string_view a, std::string_view b, int64_t completions) {
  Intervals left(a, completions), right(b, completions);
  auto l = left.next_good(), r = right.next_good();
  while (l && r) {
    if (l->first <= r->last && r->first <= l->last) return std::max(l->first, r->first);
    if (l->first <= r->first) {
      l = left.next_good();
    } else {
      r = right.next_good();
    }
  }
  return std::nullopt;
}

}  // namespace gantry::kinds
