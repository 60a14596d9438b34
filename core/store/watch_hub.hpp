// WatchHub: delivers events to watchers.
//
// Owned by the store; the writer hands it published batches, a notifier thread of its own calls the
// watchers. An event finds its watchers by cutting its key at the slashes, so only watchers whose
// prefix matches are touched, and watchers of the same prefix get the same array. Watchers that want
// one value of a field are found by the values that an event has and had. A watch's replay
// travels in the same queue as the batches: what is queued behind it is newer, what was queued
// before it is contained in it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/simulation/turns.hpp"
#include "core/store/store.hpp"

namespace gantry::store {

class WatchHub : public std::enable_shared_from_this<WatchHub> {
 public:
  using Clock = std::chrono::steady_clock;

  // `progress_interval`: how long a watcher without events may wait to hear of the revision
  // reached.
  explicit WatchHub(Clock::duration progress_interval, simulation::Turns* turns = nullptr)
      : interval_(progress_interval), bell_("the store's watches", turns), simulated_(turns != nullptr) {}
  void start();
  // Delivers what is queued and ends the thread. Not from a watcher's callback.
  void stop();

  // Registers a watcher that has seen everything up to `revision` once it got `replay`. Destroying
  // the watch from another thread waits for its running callback; from within any callback it does
  // not. [any-thread]
  std::unique_ptr<Watch> add(std::string_view prefix, std::vector<EventPtr> replay, Revision revision,
                             WatchCallback callback, Only only = {});
  // [writer]
  void push(std::vector<EventPtr> events, Revision progress);
  int64_t watchers() const { return count_.load(std::memory_order_relaxed); }

 private:
  struct Watcher {
    std::string prefix;
    std::string place;   // in nodes_: the prefix, and what alone is wanted of it
    std::string field;   // the name of that field; empty: none
    Revision start = 0;  // events up to here came with the replay
    std::mutex running;  // held during the callback
    std::atomic<bool> dead = false;
    WatchCallback callback;
    Revision progress = 0;  // told so far; the notifier's own, 0 until the replay is delivered
  };
  using WatcherPtr = std::shared_ptr<Watcher>;
  struct Handle;
  struct Keyed {  // a field by which some want a prefix
    std::shared_ptr<const FieldIndex> field;
    int uses = 0;
  };
  struct Node {
    std::vector<WatcherPtr> watchers;
    std::vector<Keyed> keyed;  // of a prefix
    int delivery = -1;         // index into deliveries_ while a batch is matched
  };
  struct Delivery {
    std::vector<EventPtr> events;
    std::vector<WatcherPtr> watchers;
  };
  struct Item {
    std::vector<EventPtr> events;
    Revision progress = 0;
    WatcherPtr replay_to;  // null: a batch for everyone
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view s) const { return std::hash<std::string_view>()(s); }
  };
  template <typename T>
  using ByPrefix = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

  void run();
  void remove(const WatcherPtr& watcher);
  void deliver(const Item& batch);
  void match(const EventPtr& event);
  void match_prefix(std::string_view prefix, const EventPtr& event);
  void match_value(std::string_view prefix, const FieldIndex& field, std::string_view value, const EventPtr& event);
  void put_into(Node& node, const EventPtr& event);
  void forget_if_unused(std::string_view place);
  void tell_progress();
  static void call(Watcher& watcher, const EventPtr* events, size_t count, Revision progress);

  const Clock::duration interval_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Item> queue_;
  simulation::Bell bell_;
  const bool simulated_;
  bool stopping_ = false;
  ByPrefix<Node> nodes_;
  // Prefixes that do not end in a slash, by folder: their lengths and how many have each.
  ByPrefix<std::map<size_t, int>> partial_;
  std::atomic<int64_t> count_ = 0;
  std::thread thread_;
  std::atomic<std::thread::id> notifier_;

  // The notifier's own.
  std::vector<Delivery> deliveries_;  // kept for their capacity
  size_t used_ = 0;
  Revision reached_ = 0, told_ = 0;
  Clock::time_point next_tell_{};
};

}  // namespace gantry::store
