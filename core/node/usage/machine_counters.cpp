#include "core/node/usage/machine_counters.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <string>

namespace gantry::node {
namespace {

// The number behind blanks, which it takes off; 0 where there is none.
uint64_t next_number(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  uint64_t value = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value).ptr;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

// A line of it, in bytes.
uint64_t line_of(std::string_view meminfo, std::string_view name) {
  size_t at = meminfo.starts_with(name) ? 0 : meminfo.find("\n" + std::string(name));
  if (at == std::string_view::npos) return 0;
  at = meminfo.find(':', at);
  if (at == std::string_view::npos) return 0;
  auto rest = meminfo.substr(at + 1);
  return next_number(rest) * 1024;
}

std::string text_of(const char* path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

uint64_t busy_ns(std::string_view stat, int64_t ticks) {
  if (!stat.starts_with("cpu ") || ticks <= 0) return 0;
  stat.remove_prefix(4);
  // user nice system idle iowait irq softirq; what is stolen was not ours, guests are in user.
  uint64_t busy = 0;
  for (int i = 0; i < 7; ++i) {
    const auto value = next_number(stat);
    if (i != 3 && i != 4) busy += value;
  }
  return busy * (1'000'000'000 / static_cast<uint64_t>(ticks));
}

uint64_t working_set(std::string_view meminfo) {
  const auto total = line_of(meminfo, "MemTotal:");
  return total - std::min(total, line_of(meminfo, "MemFree:") + line_of(meminfo, "Inactive(file):"));
}

MachineCounters read_machine(int64_t now_ns) {
  return {now_ns, busy_ns(text_of("/proc/stat"), ::sysconf(_SC_CLK_TCK)), working_set(text_of("/proc/meminfo"))};
}

}  // namespace gantry::node
