#include "core/node/logs/log_tail.hpp"

#include <algorithm>
#include <deque>
#include <fstream>

#include "core/node/logs/log_line.hpp"

namespace gantry::node {
namespace {

constexpr size_t kMostBytes = 2'048;
constexpr size_t kMostLines = 80;
constexpr int64_t kWindow = 128 * 1024;  // bytes that come one by one have some 40 bytes of head each

}  // namespace

std::string log_tail(const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) return {};
  const auto size = static_cast<int64_t>(in.tellg());
  in.seekg(std::max<int64_t>(0, size - kWindow));
  std::string record;
  if (size > kWindow) std::getline(in, record);  // begins in the middle
  std::deque<std::string> lines;
  bool inside = false;  // the last piece was partial: the line goes on
  while (std::getline(in, record)) {
    LogLine line;
    if (!parse_log_line(record, line)) continue;
    if (!inside) lines.emplace_back();
    if (lines.size() > kMostLines) lines.pop_front();
    lines.back() += line.text;
    inside = line.partial;
    if (!inside) lines.back() += '\n';
  }
  std::string out;
  for (const auto& line : lines) out += line;
  return out.size() > kMostBytes ? out.substr(out.size() - kMostBytes) : out;
}

}  // namespace gantry::node
