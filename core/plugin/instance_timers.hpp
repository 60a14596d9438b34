// The timers of one instance: a bounded number, and their callbacks on a thread of the instance's own, so that one that
// blocks holds up nobody else's. [any-thread]
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "core/plugin/timers.hpp"

namespace gantry::plugin {

class InstanceTimers : public std::enable_shared_from_this<InstanceTimers> {
 public:
  // Hands work to the instance's thread, one piece after another; false: it takes none any more.
  using Post = std::function<bool(std::function<void()>)>;
  InstanceTimers(Timers& timers, size_t most, Post post) : timers_(timers), most_(most), post_(std::move(post)) {}
  InstanceTimers(const InstanceTimers&) = delete;
  InstanceTimers& operator=(const InstanceTimers&) = delete;

  // An id > 0; 0 when `most` wait already, or after close().
  uint64_t start(int64_t delay_ms, std::function<void()> fire);
  // Afterwards fire does not run any more, unless this is called from a callback of this instance. Unknown ids are
  // ignored.
  void cancel(uint64_t id);
  // None fires afterwards, but for one that runs.
  void close();
  size_t waiting() const;

 private:
  struct Timer {
    std::function<void()> fire;
    uint64_t host_id = 0;
  };
  void due(uint64_t id);
  void fire(uint64_t id);

  Timers& timers_;
  const size_t most_;
  const Post post_;
  mutable std::mutex mutex_;
  std::condition_variable finished_;
  std::unordered_map<uint64_t, Timer> waiting_;
  uint64_t last_id_ = 0, running_ = 0;
  std::thread::id runner_;
  bool closed_ = false;
};

}  // namespace gantry::plugin
