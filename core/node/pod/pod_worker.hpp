// One worker a pod: runs a pod's sync on a pool, never twice at a time, again whenever something has changed meanwhile.
//
// An idle pod costs no thread. Wake-ups gather until start(). [any-thread]
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "core/plugin/timers.hpp"
#include "core/plugin/worker_pool.hpp"

namespace gantry::node {

class PodWorkers {
 public:
  struct Outcome {
    bool failed = false;   // again after 1 s, doubling to 60 s
    int64_t again_ms = 0;  // when not failed; 0: only when woken
  };
  using Sync = std::function<Outcome(const std::string& uid)>;

  PodWorkers(plugin::Timers& timers, const plugin::Clock& clock, plugin::WorkerPool& pool, Sync sync);
  ~PodWorkers();  // stop()
  PodWorkers(const PodWorkers&) = delete;
  PodWorkers& operator=(const PodWorkers&) = delete;

  void wake(const std::string& uid);
  void wake_after(const std::string& uid, int64_t delay_ms);
  void start();
  // Drops what waits and waits for syncs that run. Not from a sync.
  void stop();

 private:
  enum class State : uint8_t { kIdle, kQueued, kRunning, kDirty };
  struct Item {
    State state = State::kIdle;
    uint32_t failures = 0;
    uint64_t timer = 0;
    int64_t due_ns = 0;
  };
  // Timers and what waits in the pool outlive the workers; they find them through this, or find nothing.
  struct Gate {
    std::mutex mutex;
    PodWorkers* workers = nullptr;
  };
  void wake_locked(const std::string& uid);
  void post_locked(const std::string& uid);
  void schedule_locked(const std::string& uid, Item& item, int64_t delay_ms);
  void fire(const std::string& uid, uint64_t generation);
  static void run(Gate& gate, const std::string& uid);
  bool begin(const std::string& uid);
  void finish(const std::string& uid, const Outcome& outcome);

  plugin::Timers& timers_;
  const plugin::Clock& clock_;
  plugin::WorkerPool& pool_;
  const Sync sync_;
  const std::shared_ptr<Gate> gate_;
  std::mutex mutex_;
  std::condition_variable quiet_;
  std::unordered_map<std::string, Item> items_;
  size_t running_ = 0;
  uint64_t generation_ = 0;
  bool started_ = false, stopped_ = false;
};

}  // namespace gantry::node
