// One-shot timers on one thread, which sleeps until the next is due. [any-thread]
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "core/plugin/clock.hpp"

namespace gantry::plugin {

class Timers {
 public:
  explicit Timers(const Clock& clock);
  ~Timers();
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  // Runs fire once on the timer thread, where it must not block. Returns an id > 0.
  uint64_t start(int64_t delay_ms, std::function<void()> fire);
  // Afterwards fire does not run any more, unless this is called from fire itself. Unknown ids are ignored.
  void cancel(uint64_t id);
  void stop();

 private:
  using Due = std::pair<int64_t, uint64_t>;  // monotonic ns, id
  void run();

  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable finished_;
  std::map<Due, std::function<void()>> due_;
  std::unordered_map<uint64_t, int64_t> when_;
  uint64_t next_id_ = 0;
  uint64_t running_ = 0;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace gantry::plugin
