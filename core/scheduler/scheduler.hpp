// The scheduler: watches pods, nodes, namespaces and disruption budgets, chooses a node for every pod that has none,
// binds it. One thread reads what the watches bring, and decides; bindings go to the API asynchronously while it goes
// on with the next pod. Created and started by the daemon; stop() before the client it uses ends. [main]
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/client/client.hpp"
#include "core/client/reflector.hpp"
#include "core/plugin/clock.hpp"
#include "core/scheduler/choose.hpp"
#include "core/scheduler/node_cache.hpp"
#include "core/scheduler/preempt.hpp"
#include "core/scheduler/queue.hpp"
#include "core/simulation/turns.hpp"

namespace gantry::limits {
class Notices;
}

namespace gantry::scheduler {

struct SchedulerOptions {
  client::Client* client = nullptr;  // identity system:kube-scheduler
  const plugin::Clock* clock = nullptr;
  std::function<void(int64_t delay_ms, std::function<void()>)> schedule;
  // Writes an Event about a pod; `regarding` is a serialized ObjectReference.
  std::function<void(std::string_view regarding, std::string_view type, std::string_view reason,
                     std::string_view message)>
      record_event;
  std::function<void(int32_t level, std::string_view text)> log;
  limits::Notices* notices = nullptr;  // told of refused writes instead of `log`; outlives the scheduler
  std::string name = "default-scheduler";
  size_t max_bindings = 256;  // bindings in flight
  bool simulated = false;     // the clock stands still while a thread waits: only `schedule` knows when it moves
};

class Scheduler {
 public:
  explicit Scheduler(SchedulerOptions options);
  ~Scheduler();  // stop()
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  void start();
  void stop();

  struct Counts {
    size_t active, backing_off, unschedulable, bindings;
  };
  Counts counts() const;

 private:
  // Shared with callbacks that may outlive the scheduler.
  struct Life {
    std::mutex mutex;
    Scheduler* scheduler = nullptr;
  };
  client::ReflectorOptions watching();
  void run();
  void later(std::function<void()> work);  // on the scheduling thread, without the lock
  void attempt(std::unique_lock<std::mutex>& lock, const WaitingPtr& pod, int64_t now);
  void read_inboxes(std::unique_lock<std::mutex>& lock);
  void replace_pods(const client::Client::List& list);
  void replace_nodes(const client::Client::List& list);
  void replace_namespaces(const client::Client::List& list);
  void on_pod(const client::WatchEvent& event);
  void on_node(const client::WatchEvent& event);
  void on_namespace(const client::WatchEvent& event);
  void see_pod_locked(const client::Object& object, bool deleted);
  bool wants(const corev1::Pod& pod) const;
  void bind(const WaitingPtr& pod, const std::string& node);
  void bound(const WaitingPtr& pod, const std::string& node, const Status& status);
  void report_unschedulable(const WaitingPtr& pod, const std::string& message, bool news,
                            const std::optional<std::string>& nominated);
  client::ApiRequest request_for(const PodInfo& pod, client::ApiRequest::Verb verb) const;
  // Preemption (scheduler_preempt.cpp).
  struct Clearing {
    std::optional<std::string> nominated;  // what the status has to say anew; empty: none any more
    std::vector<PodPtr> victims;
    std::vector<WaitingPtr> outdone;  // who had been promised the node
    std::string node;
  };
  void carry_out(const WaitingPtr& pod, const Clearing& clearing);
  Clearing preempt_locked(const WaitingPtr& pod, const Choice& choice, std::string& message);
  void evict(const WaitingPtr& pod, const PodPtr& victim, const std::string& node);
  void delete_victim(const WaitingPtr& pod, const PodPtr& victim, const std::string& node);
  void not_evicted(const WaitingPtr& pod, const PodPtr& victim, const Status& why);
  std::string why_not_preempt_locked(const WaitingPod& pod, const Choice& choice);
  bool forget_waiting_locked(const std::string& uid);  // true when a node had been promised to it
  void on_budget(const client::WatchEvent& event);
  void replace_budgets(const client::Client::List& list);
  void not_reported(const WaitingPtr& pod, const Status& why);
  void trouble(std::string_view topic, const std::string& text) const;
  void happened_locked(Changes changes);
  void tell_topics_locked();
  void wait_locked(std::unique_lock<std::mutex>& lock, std::optional<int64_t> due, int64_t now);
  void wait_simulated_locked(std::unique_lock<std::mutex>& lock, std::optional<int64_t> due, int64_t now);

  const SchedulerOptions options_;
  const std::shared_ptr<Life> life_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  simulation::Bell bell_{"scheduler"};          // rung under mutex_
  int64_t timer_due_ = 0;                       // under simulated time
  std::vector<std::function<void()>> inboxes_;  // those that have something in them
  NodeCache cache_;
  SchedulingQueue queue_;
  size_t next_node_ = 0;
  // Under way, by uid: assumed where they go, whatever a new list says of them.
  std::unordered_map<std::string, std::pair<WaitingPtr, std::string>> bindings_;
  Budgets budgets_;
  Nominations nominations_;
  std::unordered_map<std::string, std::unordered_set<std::string>> evictions_;  // by uid: of whom, for it
  bool pods_synced_ = false;
  bool nodes_synced_ = false;
  bool namespaces_synced_ = false;
  bool budgets_synced_ = false;
  bool stopped_ = false;
  std::unique_ptr<client::Reflector> pods_;
  std::unique_ptr<client::Reflector> nodes_;
  std::unique_ptr<client::Reflector> namespaces_;
  std::unique_ptr<client::Reflector> budgets_watch_;
  std::thread thread_;
};

}  // namespace gantry::scheduler
