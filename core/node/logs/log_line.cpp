#include "core/node/logs/log_line.hpp"

#include <algorithm>

namespace gantry::node {

bool parse_log_line(std::string_view line, LogLine& out) {
  const auto first = line.find(' ');
  if (first == std::string_view::npos || first == 0) return false;
  const auto second = line.find(' ', first + 1);
  if (second == std::string_view::npos) return false;
  out.time = line.substr(0, first);
  out.stream = line.substr(first + 1, second - first - 1);
  if (out.stream != "stdout" && out.stream != "stderr") return false;
  // The tag may carry more, behind colons.
  const auto third = std::min(line.find(' ', second + 1), line.size());
  const auto tag = line.substr(second + 1, third - second - 1);
  if (tag.empty() || (tag[0] != 'P' && tag[0] != 'F')) return false;
  out.partial = tag[0] == 'P';
  out.text = third == line.size() ? std::string_view() : line.substr(third + 1);
  return true;
}

bool is_full_line(std::string_view head) {
  LogLine line;
  return !parse_log_line(head.substr(0, head.find('\n')), line) || !line.partial;
}

std::string fixed_time(std::string_view time) {
  std::string zone;
  auto zone_at = time.find_last_of("Zz+-");
  // A date has dashes too: a zone comes behind the clock.
  const auto clock = time.find('T');
  if (clock == std::string_view::npos || zone_at == std::string_view::npos || zone_at < clock) return std::string(time);
  zone = time.substr(zone_at);
  if (zone == "+00:00" || zone == "-00:00" || zone == "z") zone = "Z";
  auto seconds = time.substr(0, zone_at);
  std::string fraction;
  if (const auto dot = seconds.find('.'); dot != std::string_view::npos) {
    fraction = seconds.substr(dot + 1);
    seconds = seconds.substr(0, dot);
  }
  fraction.resize(9, '0');
  return std::string(seconds) + "." + fraction + zone;
}

}  // namespace gantry::node
