// Threads for work that may block: reconciles, plugin tasks, runtime calls. Bounded queue. [any-thread]
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace gantry::simulation {
class Turns;
}

namespace gantry::plugin {

class WorkerPool {
 public:
  // Under simulated time, what is posted inside a turn runs in one of its own; kOutside: work that waits for the world
  // outside, which time does not wait for.
  enum class Order : uint8_t { kInTurns, kOutside };

  // Threads start when there is work for them, up to `threads`; an idle pool costs nothing.
  WorkerPool(std::string name, size_t threads, size_t max_queue = 65'536, Order order = Order::kInTurns);
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
  struct Item {
    std::function<void()> work;
    uint64_t ticket = 0;  // of simulated time; 0: none
  };
  void run();
  void run_one(std::unique_lock<std::mutex>& lock);
  void give_tickets_locked();

  const std::string name_;
  size_t limit_;  // under mutex_
  const size_t max_queue_;
  const Order order_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Item> queue_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  // Only work that a thread is free for has a ticket: others would wait for it, and it for the others.
  simulation::Turns* turns_ = nullptr;
  size_t busy_ = 0, ticketed_ = 0;
  bool stopped_ = false;
};

}  // namespace gantry::plugin
