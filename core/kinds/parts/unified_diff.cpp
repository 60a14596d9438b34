#include "core/kinds/parts/unified_diff.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace gantry::kinds {
namespace {

using Lines = std::vector<std::string_view>;

constexpr size_t kAround = 3;
// Comparing each line with each other one costs the square.
constexpr size_t kMostDiffering = 300;

Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// A line of the result: ' ' in both, '-' in the first, '+' in the second.
struct Edit {
  char sign;
  std::string_view line;
};
using Edits = std::vector<Edit>;

// How long the longest common part of the rest is, for each pair of places.
std::vector<std::vector<uint16_t>> common_lengths(const Lines& a, const Lines& b) {
  std::vector<std::vector<uint16_t>> lengths(a.size() + 1, std::vector<uint16_t>(b.size() + 1));
  for (size_t i = a.size(); i-- > 0;) {
    for (size_t j = b.size(); j-- > 0;) {
      const int same = lengths[i + 1][j + 1] + 1;
      lengths[i][j] = a[i] == b[j] ? static_cast<uint16_t>(same) : std::max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  return lengths;
}

void edit_middle(const Lines& a, const Lines& b, Edits& edits) {
  size_t i = 0, j = 0;
  if (a.size() <= kMostDiffering && b.size() <= kMostDiffering) {
    const auto lengths = common_lengths(a, b);
    while (i < a.size() && j < b.size()) {
      if (a[i] == b[j]) {
        edits.push_back({' ', a[i++]}), ++j;
      } else if (lengths[i + 1][j] >= lengths[i][j + 1]) {
        edits.push_back({'-', a[i++]});
      } else {
        edits.push_back({'+', b[j++]});
      }
    }
  }
  for (; i < a.size(); ++i) edits.push_back({'-', a[i]});
  for (; j < b.size(); ++j) edits.push_back({'+', b[j]});
}

// What goes stands before what comes.
void sort_signs(Edits& edits) {
  for (auto begin = edits.begin(); begin != edits.end();) {
    if (begin->sign == ' ') {
      ++begin;
      continue;
    }
    const auto end = std::find_if(begin, edits.end(), [](const Edit& edit) { return edit.sign == ' '; });
    std::stable_partition(begin, end, [](const Edit& edit) { return edit.sign == '-'; });
    begin = end;
  }
}

Edits edits_of(const Lines& a, const Lines& b) {
  const size_t least = std::min(a.size(), b.size());
  size_t front = 0, back = 0;
  while (front < least && a[front] == b[front]) ++front;
  while (back < least - front && a[a.size() - 1 - back] == b[b.size() - 1 - back]) ++back;
  const auto middle = [&](const Lines& lines) {
    return Lines(lines.begin() + static_cast<ptrdiff_t>(front), lines.end() - static_cast<ptrdiff_t>(back));
  };
  Edits edits;
  for (size_t i = 0; i < front; ++i) edits.push_back({' ', a[i]});
  edit_middle(middle(a), middle(b), edits);
  for (size_t i = a.size() - back; i < a.size(); ++i) edits.push_back({' ', a[i]});
  sort_signs(edits);
  return edits;
}

std::string span_text(size_t begin, size_t length) {
  const size_t first = length == 0 ? begin : begin + 1;
  return length == 1 ? std::to_string(first) : std::to_string(first) + "," + std::to_string(length);
}

// The lines from `begin` to `end`, before which there are so many of each text.
void put_hunk(const Edits& edits, size_t begin, size_t end, size_t before_a, size_t before_b, std::string& out) {
  size_t a = 0, b = 0;
  std::string text;
  for (size_t i = begin; i < end; ++i) {
    a += edits[i].sign != '+' ? 1 : 0;
    b += edits[i].sign != '-' ? 1 : 0;
    text.append(1, edits[i].sign).append(edits[i].line).append("\n");
  }
  out += "@@ -" + span_text(before_a, a) + " +" + span_text(before_b, b) + " @@\n" + text;
}

}  // namespace

std::string unified_diff(std::string_view before, std::string_view after) {
  const Edits edits = edits_of(lines_of(before), lines_of(after));
  std::string out;
  size_t counted = 0, a = 0, b = 0;
  for (size_t at = 0; at < edits.size();) {
    if (edits[at].sign == ' ') {
      ++at;
      continue;
    }
    // Changes with no more than what is around both between them are one hunk.
    size_t last = at;
    for (size_t i = at; i < edits.size() && i - last <= 2 * kAround + 1; ++i) last = edits[i].sign != ' ' ? i : last;
    const size_t begin = std::max(at, kAround) - kAround, end = std::min(last + 1 + kAround, edits.size());
    for (; counted < begin; ++counted) {
      a += edits[counted].sign != '+' ? 1 : 0;
      b += edits[counted].sign != '-' ? 1 : 0;
    }
    put_hunk(edits, begin, end, a, b, out);
    at = last + 1;
  }
  return out;
}

}  // namespace gantry::kinds
