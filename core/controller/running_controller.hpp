// One controller: its watches, its queue, and the plugin instance that reconciles. Or the watches of a plugin without
// one: its queue is never used, and its mapper tells the plugin of changes. Attached to the Plugin, for the host
// interfaces to find it. [any-thread]
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/controller/controller_host.hpp"
#include "core/controller/event_mapper.hpp"
#include "core/controller/work_queue.hpp"
#include "core/plugin/plugin_verbs.hpp"
#include "gantry/abi/controller.h"

namespace gantry::controller {

class RunningController : public std::enable_shared_from_this<RunningController> {
 public:
  RunningController(ControllerHost& host, std::shared_ptr<plugin::Plugin> plugin, Wants wants);
  ~RunningController();  // stop()

  const std::string& name() const { return spec_.name(); }
  std::string title() const { return (reconciles() ? "controller " : "plugin ") + name(); }
  bool reconciles() const { return wants_.reconciles; }
  const Wants& wants() const { return wants_; }
  const gantry::abi::ControllerSpec& spec() const { return spec_; }
  plugin::Plugin& plugin() const { return *plugin_; }
  ControllerHost& host() const { return host_; }
  WorkQueue& queue() { return queue_; }

  // Registers a watch; the mapping decides what an event queues. On the thread that changes plugins.
  void watch(const std::shared_ptr<Informer>& informer, const gantry::abi::WatchSpec& spec);
  // The informer of a resource this controller watches, or null.
  const Informer* find(std::string_view group, std::string_view resource) const;
  Informer* find(std::string_view group, std::string_view resource);
  bool synced() const;
  // Which of its watches the server refuses, and why: "its watch of gizmos.v1.example.com is refused: ..."; empty:
  // none.
  std::string refused() const;
  // The watches whose caches are not filled yet: "pods.v1, gizmos.v1.example.com".
  std::string unfilled() const;
  void start_if_synced();
  // After an exchange, which another instance has come out of if it is `switched`.
  void go_on(bool switched);
  // Of the CUSTOM watches: what waits for a map, and the thread that asks the plugin.
  EventMapper& mapper() { return mapper_; }
  // Drops what waits, and waits for what runs in the plugin for this controller.
  void stop();
  // Queues what the plugin asks for; what is over the bounds is dropped and told.
  void offer(Key key, int64_t delay_ms, WorkQueue::From from);

  // Waits until the caches show all that was written by now, at most so long.
  void wait_seen(int64_t ms);

  // The key that the calling thread reconciles for this controller, if any.
  std::optional<Key> current_key() const;
  // Called after every API call of the plugin: notes a write made on behalf of `key`.
  void note_write(const Key& key, const client::ApiRequest& request, const client::ApiResponse& response);

 private:
  static constexpr size_t kMaxSaid = 2'048;  // of an error, in the log
  struct Watched {
    std::shared_ptr<Informer> informer;
    gantry::abi::WatchSpec spec;
    Informer::Handle listener;
  };
  struct Source {
    std::shared_ptr<Informer> informer;
    gantry::abi::WatchSpec spec;
  };
  std::vector<Source> sources() const;
  using TopicPtr = std::shared_ptr<const EventMapper::Topic>;
  static TopicPtr topic_of(const Informer& informer, const gantry::abi::WatchSpec& spec);
  // The objects of the first SELF watch, or null.
  std::shared_ptr<const Informer> owners() const;
  EventMapper::Options mapper_options();
  WorkQueue::Outcome reconcile(const Key& key);
  WorkQueue::Outcome call_plugin(const Key& key);
  void on_events(const TopicPtr& topic, const gantry::abi::WatchSpec& spec, const Informer::Events& events);
  // What the host maps itself.
  void map_here(const gantry::abi::WatchSpec& spec, const Informer::Event& event, const Informer* owners);
  EventMapper::Answer map(const EventMapper::Item& item);
  EventMapper::Answer ask_map(const plugin::Plugin::Call& call, const EventMapper::Item& item);
  // running_controller_tell.cpp
  EventMapper::Answer tell(const plugin::Plugin::Call& call, const EventMapper::Item& item);
  static gantry::abi::ObjectEvent message_of(const EventMapper::Item& item);
  static std::string name_of(const EventMapper::Item& item);  // "pods ns/web"
  std::deque<EventMapper::Item> everything();
  void queue_all_again();
  int64_t held_for_ms(const Key& key);
  uint64_t begin_unseen(const Key& key);
  // True when it was the key's last one.
  bool end_unseen(const Key& key, uint64_t write);
  int64_t monotonic_ns() const;

  ControllerHost& host_;
  const std::shared_ptr<plugin::Plugin> plugin_;
  const plugin::PluginVerbs<gantry_controller> verbs_;
  const Wants wants_;
  const gantry::abi::ControllerSpec& spec_ = wants_.spec;
  mutable std::mutex watched_mutex_;
  std::vector<Watched> watched_;  // under watched_mutex_; grows, when there are new resources to watch
  std::mutex mutex_;
  // Writes that the caches have not seen yet, by the key they were made for. A run waits until there are none, or until
  // the last deadline: what a selector filters out is never seen.
  struct Unseen {
    uint64_t write;
    int64_t deadline_ns;
  };
  std::unordered_map<Key, std::vector<Unseen>, KeyHash> unseen_;
  uint64_t writes_ = 0;
  std::condition_variable all_seen_;
  std::atomic<bool> started_ = false;
  EventMapper mapper_;
  WorkQueue queue_;  // last: its runs use the rest
};

}  // namespace gantry::controller
