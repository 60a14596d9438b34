// Threads for probes: as many as probes run at once, up to a bound; idle ones end. A probe may hang until its timeout.
//
// Owned by the prober. [any-thread]
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

namespace gantry::node {

class ProbePool {
 public:
  ProbePool() = default;
  ~ProbePool() { stop(); }
  ProbePool(const ProbePool&) = delete;
  ProbePool& operator=(const ProbePool&) = delete;
  void run(std::function<void()> task);
  // Drops what waits and waits for what runs.
  void stop();

 private:
  void work(std::list<std::thread>::iterator self);

  std::mutex mutex_;
  std::condition_variable wake_, ended_;
  std::deque<std::function<void()>> tasks_;
  std::list<std::thread> threads_;
  std::list<std::thread> finished_;  // to be joined by whoever comes next
  size_t idle_ = 0;
  bool stopped_ = false;
};

}  // namespace gantry::node
