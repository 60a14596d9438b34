// The process of a plugin: started, watched through a pidfd, always reaped. One thread, which must outlive the process:
// the kernel ends it when the thread that started it ends.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

#include "core/isolation/fd.hpp"
#include "core/isolation/memory_group.hpp"
#include "gantry/status.hpp"

namespace gantry::isolation {

// The statuses with which the process says that it has no memory left, and that a connection to the daemon is gone.
constexpr int kExitOutOfMemory = 77;
constexpr int kExitDisconnected = 78;

class ChildProcess {
 public:
  // `control` and `main` become descriptors 3 and 4 over there; everything else is closed.
  static Expected<ChildProcess> spawn(const std::filesystem::path& executable, const Fd& control, const Fd& main);
  ChildProcess(ChildProcess&& other) noexcept = default;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();  // kills and reaps

  // Puts it into a cgroup of its own below this one; a limit of 0 is none. False when there is none, or it can't be.
  bool join_group(const std::filesystem::path& cgroup_dir, const std::string& name, uint64_t limit);

  int pidfd() const { return pidfd_.get(); }
  void kill();
  // Waits for its end and says how it came: "killed by SIGSEGV".
  std::string reap();

 private:
  ChildProcess(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  pid_t pid_;
  Fd pidfd_;  // empty once reaped
  std::optional<MemoryGroup> group_;
};

}  // namespace gantry::isolation
