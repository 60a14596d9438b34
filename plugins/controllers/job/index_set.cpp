#include "index_set.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace gantry::job {
namespace {

std::optional<int64_t> index_of(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

}  // namespace

IndexSet IndexSet::parse(std::string_view text, int64_t below) {
  IndexSet set;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const auto piece = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const size_t dash = piece.find('-');
    const auto first = index_of(piece.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : index_of(piece.substr(dash + 1));
    if (!first || !last || *last < *first) continue;
    if (*first >= below) continue;
    IndexSet one;
    one.intervals_.push_back({*first, std::min(*last, below - 1)});
    // In order, as written by whoever keeps to the format; else it costs a merge.
    if (set.empty() || set.intervals_.back().first <= *first) {
      set.append(one.intervals_.front());
    } else {
      set.add(one);
    }
  }
  return set;
}

IndexSet IndexSet::of(std::vector<int64_t> indexes) {
  std::sort(indexes.begin(), indexes.end());
  IndexSet set;
  for (const int64_t index : indexes) set.append({index, index});
  return set;
}

void IndexSet::append(Interval next) {
  if (intervals_.empty() || next.first > intervals_.back().last + 1) {
    intervals_.push_back(next);
  } else {
    intervals_.back().last = std::max(intervals_.back().last, next.last);
  }
}

std::string IndexSet::text() const {
  std::string out;
  for (const auto& [first, last] : intervals_) {
    if (!out.empty()) out += ',';
    out += std::to_string(first);
    if (last > first) out += (last == first + 1 ? ',' : '-') + std::to_string(last);
  }
  return out;
}

int64_t IndexSet::size() const {
  int64_t count = 0;
  for (const auto& [first, last] : intervals_) count += last - first + 1;
  return count;
}

bool IndexSet::has(int64_t index) const {
  const auto at = std::partition_point(intervals_.begin(), intervals_.end(),
                                       [&](const Interval& interval) { return interval.last < index; });
  return at != intervals_.end() && at->first <= index;
}

void IndexSet::add(const IndexSet& other) {
  if (other.empty()) return;
  std::vector<Interval> all(intervals_.size() + other.intervals_.size());
  std::merge(intervals_.begin(), intervals_.end(), other.intervals_.begin(), other.intervals_.end(), all.begin(),
             [](const Interval& a, const Interval& b) { return a.first < b.first; });
  intervals_.clear();
  for (const auto& interval : all) append(interval);
}

int64_t IndexSet::count_common(const IndexSet& other) const {
  int64_t count = 0;
  for (size_t i = 0, j = 0; i < intervals_.size() && j < other.intervals_.size();) {
    const auto &mine = intervals_[i], &theirs = other.intervals_[j];
    count += std::max<int64_t>(0, std::min(mine.last, theirs.last) - std::max(mine.first, theirs.first) + 1);
    (mine.last < theirs.last ? i : j) += 1;
  }
  return count;
}

std::vector<int64_t> IndexSet::first_missing(int64_t most, int64_t below) const {
  std::vector<int64_t> found;
  int64_t next = 0;
  const auto until = [&](int64_t end) {
    for (; next < end && static_cast<int64_t>(found.size()) < most; ++next) found.push_back(next);
  };
  for (const auto& [first, last] : intervals_) {
    if (static_cast<int64_t>(found.size()) >= most || next >= below) break;
    until(std::min(first, below));
    next = std::max(next, last + 1);
  }
  until(below);
  return found;
}

}  // namespace gantry::job
