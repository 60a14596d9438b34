#include "core/limits/notices.hpp"

#include <utility>

#include "gantry/abi/log.h"

namespace gantry::limits {
namespace {

constexpr size_t kLongest = 2048;

std::string one_line(std::string_view text) {
  std::string line;
  const bool cut = text.size() > kLongest;
  for (const char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      line += c;
      continue;
    }
    constexpr std::string_view kHex = "0123456789abcdef";
    line.append("\\x").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
  }
  return cut ? line + "..." : line;
}

}  // namespace

void Notices::tell(std::string_view topic, std::string_view part, int32_t level, std::string_view text) {
  uint64_t unsaid = 0;
  bool speak = false;
  const int64_t now = hooks_.monotonic_ns();
  {
    const std::lock_guard lock(mutex_);
    auto found = topics_.find(topic);
    if (found == topics_.end()) found = topics_.emplace(topic, Topic{}).first;
    auto& state = found->second;
    speak = !state.next_ns || now >= *state.next_ns;
    if (speak) {
      state.told = true;
      state.next_ns = now + kPauseNs;
      unsaid = std::exchange(state.unsaid, 0);
    } else {
      ++state.unsaid;
    }
  }
  if (hooks_.count) hooks_.count(topic);
  if (!speak || !hooks_.log) return;
  std::string line = one_line(text);
  if (unsaid > 0) line += " (and " + std::to_string(unsaid) + " more since the last time this was said)";
  hooks_.log(part, level, line);
}

void Notices::over(std::string_view topic, std::string_view part, std::string_view text) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = topics_.find(topic);
    if (found == topics_.end() || !found->second.told) return;
    found->second.told = false;
  }
  if (hooks_.log) hooks_.log(part, GANTRY_LOG_INFO, one_line(text));
}

}  // namespace gantry::limits
