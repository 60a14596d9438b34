// One line of a CRI log file: "TIME stream P|F text". Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace gantry::node {

struct LogLine {
  std::string_view time, stream, text;
  bool partial = false;  // P: the line goes on in the next entry of its stream
};

// `line` without its newline; false when it is no log line.
bool parse_log_line(std::string_view line, LogLine& out);
// Whether the line that begins here is complete in itself or the last of its pieces; only its head is looked at.
bool is_full_line(std::string_view head);
// RFC 3339 with nine digits of fraction, "Z" for UTC: so that times in a column line up.
std::string fixed_time(std::string_view time);

}  // namespace gantry::node
