// Waits for processes to end, for descriptors and for points in time: one thread for all containers and all execs,
// which sleeps until something happens.
//
// Made by the runtime; the thread starts with the first post() or once(), both from any thread. The rest is for what
// runs on the loop: [loop-thread]. Nothing that runs there may wait. The destructor waits for what runs, and drops the
// rest; not from the loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "files.hpp"

namespace gantry::oci {

class Loop {
 public:
  using Task = std::function<void()>;
  using Ready = std::function<void(uint32_t events)>;

  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // [any-thread]
  void post(Task task);
  // Once, when the process of `pidfd` has ended (or the descriptor can be read from); none: never. [any-thread]
  void once(Fd pidfd, Task ended);

  // Tells `ready` whenever some of `events` (EPOLLIN, EPOLLOUT) hold, or the other end is gone. The descriptor stays
  // open until it is removed. Files, which can't be waited for, are always ready.
  uint64_t add(int fd, Ready ready);
  void wait_for(uint64_t id, uint32_t events);  // 0: for nothing, not even for the other end
  void remove(uint64_t id);
  void after(std::chrono::milliseconds delay, Task task);

 private:
  using Clock = std::chrono::steady_clock;
  struct Source {
    int fd;
    Ready ready;
    uint32_t events = 0;
    bool always_ready = false;
  };
  void run();
  void run_due();
  void run_files();
  int timeout() const;

  Fd epoll_, wake_;
  std::mutex mutex_;  // posted_, stopping_, thread_ while it starts
  std::vector<Task> posted_;
  bool stopping_ = false;
  std::thread thread_;

  uint64_t next_ = 1;  // these are the loop's own
  std::map<uint64_t, std::shared_ptr<Source>> sources_;
  std::multimap<Clock::time_point, Task> timers_;
  size_t files_ = 0;  // sources that are always ready, and waited for
};

}  // namespace gantry::oci
