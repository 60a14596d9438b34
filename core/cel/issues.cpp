// Owns how problems of an expression are shown. One thread for each collector.
#include "core/cel/issues.hpp"

#include <algorithm>

namespace gantry::cel {
namespace {

constexpr size_t kMostIssues = 100;
// A line is shown whole up to here: what is shown goes into answers and is repeated for each issue.
constexpr size_t kLongestLine = 4096, kLongestText = 8192, kLongestMessage = 2048;

struct Line {
  size_t number, begin, end;
};

Line line_at(std::string_view text, size_t at) {
  const std::string_view before = text.substr(0, at);
  const size_t newline = before.rfind('\n');
  const size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
  const auto number = static_cast<size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
  return {number, begin, std::min(text.find('\n', at), text.size())};
}

void put_line(std::string_view line, size_t mark, std::string& out) {
  if (line.size() > kLongestLine) return;
  out += "\n | ";
  const size_t begin = out.size();
  out += line;
  std::replace(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(), '\t', ' ');
  out += "\n | ";
  for (size_t i = 0; i < mark && i < line.size();) {
    const size_t size = code_point_size(line.substr(i));
    out += size > 1 ? "．" : ".";
    i += size;
  }
  out += mark < line.size() && code_point_size(line.substr(mark)) > 1 ? "＾" : "^";
}

}  // namespace

size_t code_point_size(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.empty() ? 0 : text[0]);
  const size_t size = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return std::max<size_t>(1, std::min(size, text.size()));
}

size_t code_points(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

void Issues::add(uint32_t at, std::string message) {
  if (issues_.size() >= kMostIssues) {
    ++more_;
    return;
  }
  if (message.size() > kLongestMessage) {
    size_t end = kLongestMessage;
    while ((message[end] & 0xc0) == 0x80) --end;
    message.resize(end);
    message += "...";
  }
  issues_.push_back({at, std::move(message)});
}

std::string Issues::text() const {
  std::vector<const Issue*> sorted;
  for (const Issue& issue : issues_) sorted.push_back(&issue);
  // What has no place comes first.
  std::stable_sort(sorted.begin(), sorted.end(), [](const Issue* a, const Issue* b) { return a->at + 1 < b->at + 1; });
  std::string out;
  size_t untold = more_;
  for (const Issue* issue : sorted) {
    if (out.size() > kLongestText) {
      ++untold;
      continue;
    }
    if (!out.empty()) out += "\n";
    out += "ERROR: <input>:";
    if (issue->at == kNowhere) {
      out += "-1:0: " + issue->message;
      continue;
    }
    const Line line = line_at(text_, issue->at);
    const size_t column = code_points(text_.substr(line.begin, issue->at - line.begin));
    out += std::to_string(line.number) + ":" + std::to_string(column + 1) + ": " + issue->message;
    put_line(text_.substr(line.begin, line.end - line.begin), issue->at - line.begin, out);
  }
  if (untold > 0) out += "\n" + std::to_string(untold) + " more errors were truncated";
  return out;
}

}  // namespace gantry::cel
