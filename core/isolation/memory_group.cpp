#include "core/isolation/memory_group.hpp"

#include <unistd.h>

#include <atomic>
#include <fstream>
#include <system_error>

namespace gantry::isolation {
namespace {

namespace fs = std::filesystem;

bool write_to(const fs::path& file, const std::string& text) {
  std::ofstream out(file);
  out << text;
  out.flush();
  return out.good();
}

}  // namespace

std::optional<MemoryGroup> MemoryGroup::create(const fs::path& parent, const std::string& name, uint64_t limit) {
  static std::atomic<uint64_t> count{0};
  const auto dir = parent / ("plugin-" + name + "-" + std::to_string(::getpid()) + "-" + std::to_string(++count));
  std::error_code error;
  if (!fs::create_directory(dir, error) || error) return std::nullopt;
  const bool unified = fs::exists(dir / "memory.max", error);
  MemoryGroup group(dir, unified);
  if (limit == 0) return group;
  const auto text = std::to_string(limit);
  if (unified) {
    if (!write_to(dir / "memory.max", text)) return std::nullopt;
    write_to(dir / "memory.swap.max", "0");
  } else {
    if (!write_to(dir / "memory.limit_in_bytes", text)) return std::nullopt;
    // Where swap is not accounted, this file is missing.
    write_to(dir / "memory.memsw.limit_in_bytes", text);
  }
  return group;
}

MemoryGroup::MemoryGroup(MemoryGroup&& other) noexcept : dir_(std::move(other.dir_)), unified_(other.unified_) {
  other.dir_.clear();
}

MemoryGroup::~MemoryGroup() {
  // What the plugin started may live on in it; then it stays, empty of us.
  if (!dir_.empty()) ::rmdir(dir_.c_str());
}

bool MemoryGroup::add(pid_t pid) const { return write_to(dir_ / "cgroup.procs", std::to_string(pid)); }

bool MemoryGroup::ran_out() const {
  std::ifstream file(dir_ / (unified_ ? "memory.events" : "memory.oom_control"));
  std::string word;
  uint64_t count = 0;
  while (file >> word >> count) {
    if (word == "oom_kill") return count > 0;
  }
  return false;
}

}  // namespace gantry::isolation
