// Logs on their way to their readers: one thread waits for all of them, and a few do what can be done.
//
// A log that is followed, or whose reader is slow, is an entry here and no thread. Owned by NodeIo. [any-thread]
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "core/files/unique_fd.hpp"
#include "core/node/logs/log_reader.hpp"
#include "core/plugin/worker_pool.hpp"

namespace gantry::node {

class LogPump {
 public:
  // At most so many at a time; each holds up to 128 KiB and a line.
  explicit LogPump(size_t most = 1024);
  ~LogPump();  // stop()
  LogPump(const LogPump&) = delete;
  LogPump& operator=(const LogPump&) = delete;

  // An opened reader, which goes when it is done. 429: there are too many.
  Status add(std::unique_ptr<LogReader> reader);
  size_t size() const { return size_; }
  // Drops all. Not from a reader's callback.
  void stop();

 private:
  struct Parked {
    std::shared_ptr<LogReader> reader;
    int64_t due_ms = 0;
  };
  void step(uint64_t id, std::shared_ptr<LogReader> reader);
  bool park(uint64_t id, std::shared_ptr<LogReader>& reader, const LogReader::Wait& wait);
  void wait_for_all();
  void unpark_locked(uint64_t id, bool gone);
  static int64_t now_ms();

  const size_t most_;
  const io::UniqueFd epoll_, wake_;
  std::atomic<size_t> size_ = 0;
  std::mutex mutex_;
  std::map<uint64_t, Parked> parked_;
  std::set<std::pair<int64_t, uint64_t>> due_;
  uint64_t last_ = 0;
  bool stopped_ = false;
  std::thread waiter_;  // since the first
  plugin::WorkerPool steps_{"logs", 8, 65'536, plugin::WorkerPool::Order::kOutside};
};

}  // namespace gantry::node
