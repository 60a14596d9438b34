// Stops containers without holding a pod's worker: preStop hook, signal, grace, kill; each on a thread of a pool of its
// own.
//
// The pod is woken when a container has been stopped, or could not be. A daemon that is killed meanwhile stops it again
// after its restart, because the pod's plan still says so. [any-thread]
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/node/runtime_client.hpp"
#include "core/plugin/clock.hpp"
#include "core/plugin/worker_pool.hpp"
#include "gantry/resources.hpp"

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
  Killer(const RuntimeClient& runtime, const plugin::Clock& clock, Hooks hooks);
  ~Killer();  // stop()

  // False when it is being stopped already, at least as soon.
  bool kill(KillOrder order);
  bool killing(const std::string& container_id) const;
  void stop();

 private:
  void run(const KillOrder& order);
  void finish(const KillOrder& order);
  int64_t run_pre_stop(const KillOrder& order);

  const RuntimeClient& runtime_;
  const plugin::Clock& clock_;
  const Hooks hooks_;
  struct Entry {
    int64_t deadline_ns = 0;
    int running = 0;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Entry> running_;  // by container
  std::atomic<bool> stopped_ = false;
  plugin::WorkerPool pool_{"kill", 64};
};

}  // namespace gantry::node
