// Threads for work that may block: reconciles, plugin tasks, runtime calls. Bounded queue. [any-thread]
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace gantry::plugin {

class WorkerPool {
 public:
  // Threads start when there is work for them, up to `threads`; an idle pool costs nothing.
  WorkerPool(std::string name, size_t threads, size_t max_queue = 65'536);
  ~WorkerPool();  // stop()
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False when the queue is full or the pool stopped.
  bool post(std::function<void()> work);
  // One thread more, or again as before: for work that holds a thread and is not expected to let it go.
  void lend(bool one_more);
  // Finishes what runs and drops what waits; must not be called from a worker.
  void stop();

 private:
  void run();

  const std::string name_;
  size_t limit_;  // under mutex_
  const size_t max_queue_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  bool stopped_ = false;
};

}  // namespace gantry::plugin
