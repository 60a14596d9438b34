// Asks a plugin which keys the events of its CUSTOM watches mean, one event after another, on a thread of its own: a
// map that blocks holds up nobody but its own controller, and what happens while the plugin is exchanged, or its
// process is down, is mapped afterwards.
//
// What waits is bounded (bounds.hpp). Above the bounds it is dropped, and everything in the caches is mapped anew, as
// after a restart. Owned by a RunningController. [any-thread]
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/controller/informer.hpp"
#include "core/plugin/worker_pool.hpp"

namespace gantry::controller {

class EventMapper {
 public:
  // Of one watch, what a map is told beside the objects.
  struct Topic {
    std::string group, version, resource;
    bool metadata_only = false;
  };
  struct Item {
    std::shared_ptr<const Topic> topic;
    Informer::Event event;
    uint32_t tries = 0;  // that ended the plugin's process
  };
  enum class Answer : uint8_t {
    kDone,
    kNotNow,  // nobody is there to ask, or the queue is full: wake() says when
    kBroken,  // the process ended under it
  };
  struct Options {
    std::function<Answer(const Item&)> map;
    // All that the caches hold, for mapping it anew. Called without a lock, on the mapper's thread.
    std::function<std::deque<Item>()> everything;
    // An event that ended the process again and again is left out.
    std::function<void(const Item&)> skipped;
  };
  // How often one event may end the process.
  static constexpr uint32_t kTries = 3;

  explicit EventMapper(Options options) : options_(std::move(options)) {}
  ~EventMapper();  // stop()
  EventMapper(const EventMapper&) = delete;
  EventMapper& operator=(const EventMapper&) = delete;

  // Never waits. All of them wake the thread once, if it is not at work anyway.
  void add(std::vector<Item> items);
  // Until wake(), events gather.
  void hold();
  // There may be somebody to ask now. With `replaced`, a map that still runs does so in an instance that nobody else
  // asks any more: it is left to itself, and its event is mapped again. With `anew`, who is asked from now on knows
  // nothing of what was asked before: what waits is dropped, and everything() comes first.
  void wake(bool replaced, bool anew = false);
  // Waits until no map runs, at most so long; false: one does.
  bool wait_quiet(int64_t ms);
  // Drops what waits, waits for a map that runs.
  void stop();

  size_t waiting() const;

 private:
  void keep_locked(Item item);
  void post_locked();
  void run(uint64_t turn);
  bool take_locked(std::unique_lock<std::mutex>& lock);
  bool gather_locked(std::unique_lock<std::mutex>& lock);
  bool answered_locked(std::unique_lock<std::mutex>& lock, Answer answer, uint64_t woken);

  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable quiet_;
  std::deque<Item> again_;  // of everything(); not counted: the caches hold it
  std::deque<Item> events_;
  size_t bytes_ = 0;   // of events_
  bool lost_ = false;  // events were dropped since everything() was asked
  bool anew_ = false;  // what waits in again_ is void, too
  bool held_ = false, stopped_ = false;
  bool active_ = false;    // a run is posted or runs: the one of turn_
  bool mapping_ = false;   // it asks the plugin about current_
  Item current_, broken_;  // broken_: the last one that ended the process
  uint64_t turn_ = 0, woken_ = 0;
  size_t runs_ = 0;  // with those of earlier turns, which hang
  plugin::WorkerPool pool_{"maps", 1};
};

}  // namespace gantry::controller
