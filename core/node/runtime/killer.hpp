// Stops containers: preStop hook, signal, grace, kill. All at once, however many: a container that takes its grace is
// an entry here and a timer, and its end comes as an event.
//
// Eight threads send signals and begin stops. What lasts holds none of them: a SIGKILL's effect, and whole stops of a
// runtime that can't signal alone (signal_container of abi/runtime.h) tell their end. The pod is woken when a container
// has been stopped, or could not be. A daemon that is killed meanwhile stops it again after its restart, because the
// pod's plan still says so. [any-thread]
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/node/runtime/hooks.hpp"
#include "core/node/runtime/runtime_client.hpp"
#include "core/plugin/timers.hpp"
#include "core/plugin/worker_pool.hpp"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::node {

struct KillOrder {
  std::string pod_uid, container_id, pod_ip;
  std::shared_ptr<const corev1::Pod> pod;  // null: no hooks (the pod is no longer known)
  std::string container;                   // its name, for the hook
  int64_t grace_seconds = 30;
};

class Killer {
 public:
  struct Hooks {
    std::function<void(const std::string& pod_uid)> done;
    // FailedPreStopHook
    std::function<void(const KillOrder& order, const Status& why)> hook_failed;
    std::function<void(const std::string& text)> log;
  };
  // `runner` is stopped before this is.
  Killer(const RuntimeClient& runtime, HookRunner& runner, plugin::Timers& timers, Hooks hooks);
  ~Killer();  // stop()
  Killer(const Killer&) = delete;
  Killer& operator=(const Killer&) = delete;

  // False when it is being stopped already; with less grace than before, its end comes sooner.
  bool kill(KillOrder order);
  bool killing(const std::string& container_id) const;
  // The runtime tells that the container has ended; its pod hears of it by itself. Does not block.
  void exited(const std::string& container_id);
  void stop();

 private:
  enum class Phase : uint8_t {
    kHook,     // runs
    kSignal,   // is being sent, or will be again
    kGrace,    // until the timer
    kKill,     // is being sent
    kBlocked,  // the runtime does all of it in one call, or two
  };
  struct Entry {
    KillOrder order;
    Phase phase = Phase::kSignal;
    int64_t deadline_ns = 0;
    uint64_t hook = 0, timer = 0;
    uint64_t round = 0;  // the number of what is awaited: others come too late
    int blocked = 0;
  };
  // Timers and stops outlive the killer; they find it through this, or find nothing.
  struct Gate {
    std::mutex mutex;
    Killer* killer = nullptr;
  };
  using Step = void (Killer::*)(const std::string& id, uint64_t round);

  Entry* find_locked(const std::string& id, uint64_t round);
  void arm_locked(const std::string& id, Entry& entry, int64_t delay_ms);
  void fire(const std::string& id, uint64_t round);
  void post_locked(const std::string& id, Entry& entry, Step step);
  void run_hook(const std::string& id, uint64_t round);
  void hook_done(const std::string& id, uint64_t round, const Status& status);
  void signal(const std::string& id, uint64_t round);
  void end(const std::string& id, uint64_t round);
  void ended(const std::string& id, const std::string& pod, const Status& status);
  void block_locked(const std::string& id, Entry& entry, int64_t grace_seconds);
  void blocked(const std::string& id, const Status& status);
  int64_t left_ms_locked(const Entry& entry) const;
  void log_failure(const std::string& id, const Status& status) const;

  const RuntimeClient& runtime_;
  HookRunner& runner_;
  plugin::Timers& timers_;
  const Hooks hooks_;
  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;  // by container
  uint64_t round_ = 0;
  bool stopped_ = false;
  plugin::WorkerPool signals_{"kill", 8};
};

}  // namespace gantry::node
