// A memory cgroup for one process, v1 or v2; removed with the object, when the process is gone. One thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace gantry::isolation {

class MemoryGroup {
 public:
  // Nothing when no memory cgroup can be made there. A limit of 0: none.
  static std::optional<MemoryGroup> create(const std::filesystem::path& parent, const std::string& name,
                                           uint64_t limit);
  MemoryGroup(MemoryGroup&& other) noexcept;
  MemoryGroup& operator=(MemoryGroup&&) = delete;
  ~MemoryGroup();

  bool add(pid_t pid) const;
  // Whether the kernel killed somebody in it for want of memory.
  bool ran_out() const;

 private:
  MemoryGroup(std::filesystem::path dir, bool unified) : dir_(std::move(dir)), unified_(unified) {}

  std::filesystem::path dir_;
  bool unified_;
};

}  // namespace gantry::isolation
