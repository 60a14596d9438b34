// A controller's work queue: each key once, never two runs of a key at a time, retries with backoff.
//
// Owned by the host, so it survives the controller behind it. Runs keys on a WorkerPool, up to a bound; an idle queue
// has no thread. Keys that the host adds are bounded by its caches; what the plugin makes up by the queue. [any-thread]
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "core/plugin/timers.hpp"
#include "core/plugin/worker_pool.hpp"

namespace gantry::controller {

struct Key {
  std::string ns, name;
  bool operator==(const Key&) const = default;
};
struct KeyHash {
  size_t operator()(const Key& key) const {
    return std::hash<std::string>()(key.ns) * 31 + std::hash<std::string>()(key.name);
  }
};

class WorkQueue {
 public:
  // What a run says about its key.
  struct Outcome {
    bool failed = false;           // try again, later each time: 5 ms doubling to 1000 s
    int64_t requeue_after_ms = 0;  // when not failed; 0: no
    bool held = false;             // it did not run at all: earlier failures still count
    // It did not run, nor would others: the process that runs them is down. The key stays as it was, and all wait for
    // resume(). The epoch is the one that held when the run began: a resume() since then has brought another process.
    bool down = false;
    uint64_t epoch = 0;
  };
  using Run = std::function<Outcome(const Key&)>;

  WorkQueue(plugin::Timers& timers, plugin::WorkerPool& pool, size_t workers, Run run);
  ~WorkQueue();  // stop()
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  void add(Key key);
  void add_after(Key key, int64_t delay_ms);
  // What the plugin asks for. False: a new key, and there are too many that it made up, or it is too long. A map's are
  // kept up to twice as many, so that the rest of one event finds room.
  enum class From : uint8_t { kQueue, kMap };
  bool offer(Key key, int64_t delay_ms, From from = From::kQueue);
  // Too many keys that the plugin made up; `on_room` is called once there are few, if this said yes meanwhile.
  bool full();
  void on_room(std::function<void()> room);
  // Keys gather until start().
  void start();
  // Drops what waits, waits for what runs. Must not be called from a run.
  void stop();
  // Holds runs back (the controller is being exchanged) and waits for those in flight; false when they did not end in
  // time. Either way resume() goes on.
  bool pause(int64_t wait_ms);
  void resume();
  // Counts resume().
  uint64_t epoch() const;

  // The run of a key is over its deadline: once another instance has taken over (now, or at excuse_overdue()), it no
  // longer counts as one of the workers, so that the others' keys go on. Its own key waits for its end.
  void note_overdue(const Key& key, bool replaced);
  void excuse_overdue();

  size_t depth() const;
  uint64_t retries() const;

 private:
  enum class State : uint8_t { kIdle, kQueued, kRunning, kDirty };
  enum class Lateness : uint8_t { kNone, kOverdue, kExcused };
  struct Item {
    State state = State::kIdle;
    Lateness lateness = Lateness::kNone;
    uint32_t failures = 0;
    uint64_t timer = 0;     // generation of the delay; 0: none
    uint64_t timer_id = 0;  // of Timers
    int64_t due_ns = 0;
    bool by_plugin = false;  // counted in made_up_
  };
  void add_locked(const Key& key);
  void dispatch_locked();
  void finish(const Key& key, const Outcome& outcome);
  void settle_locked(const Key& key, const Outcome& outcome);
  void schedule_locked(const Key& key, Item& item, int64_t delay_ms);
  void fire(const Key& key, uint64_t generation);
  void forget_if_idle_locked(const Key& key);
  void excuse_locked(Item& item);
  void drop_timer_locked(Item& item);
  bool has_room_locked(const Key& key, From from) const;
  void count_locked(const Key& key, bool more);

  // Timers outlive the queue; they find it through this, or find nothing.
  struct Gate {
    std::mutex mutex;
    WorkQueue* queue = nullptr;
  };

  plugin::Timers& timers_;
  plugin::WorkerPool& pool_;
  const std::shared_ptr<Gate> gate_;
  const size_t workers_;
  const Run run_;
  mutable std::mutex mutex_;
  std::condition_variable quiet_;
  std::unordered_map<Key, Item, KeyHash> items_;
  std::deque<Key> ready_;
  size_t active_ = 0;
  size_t excused_ = 0;  // of the active ones
  uint64_t generation_ = 0, epoch_ = 0;
  uint64_t retries_ = 0;
  size_t made_up_ = 0, made_up_bytes_ = 0;  // keys that the plugin brought
  std::function<void()> room_;
  bool room_wanted_ = false;
  bool down_ = false;
  bool started_ = false;
  bool paused_ = false;
  bool stopped_ = false;
};

}  // namespace gantry::controller
