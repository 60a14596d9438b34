// Lifecycle hooks of containers: postStart and preStop as exec, httpGet, or sleep.
//
// None holds a thread while it waits, but httpGet, of which 64 run at a time. Owned by the agent. [any-thread]
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/node/runtime/command_runner.hpp"
#include "core/plugin/timers.hpp"
#include "k8s.io/api/core/v1/container.pb.h"

namespace gantry::node {

struct HookTarget {
  std::string container_id, pod_ip;
  corev1::Container container;  // for named ports
};

class HookRunner {
 public:
  // Once, unless the hook was cancelled; on any thread, perhaps before run() returns. Must not block.
  using Done = std::function<void(const Status& status)>;

  // `commands` is stopped after this is.
  HookRunner(CommandRunner& commands, plugin::Timers& timers);
  ~HookRunner();  // stop()
  HookRunner(const HookRunner&) = delete;
  HookRunner& operator=(const HookRunner&) = delete;

  // A command or request that takes longer fails; a sleep that would ends then. 0: a day.
  uint64_t run(const corev1::LifecycleHandler& handler, const HookTarget& target, int64_t timeout_seconds, Done done);
  // Ends it without a word; unknown ones are ignored.
  void cancel(uint64_t id);
  // Cancels all; no Done is called any more, and none is running. Not from a Done. Commands end in their containers.
  void stop();

 private:
  class Impl;
  const std::shared_ptr<Impl> impl_;
};

}  // namespace gantry::node
