// Every 15 s: what the containers and the machine use, as PodMetrics and NodeMetrics (metrics.k8s.io/v1beta1), for
// "kubectl top" and autoscalers.
//
// Owned by the agent. Reading blocks and has a thread of its own; writes are asynchronous, and a round whose writes are
// not answered yet is not followed by another. stop() before the agent's parts go.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/node/node_parts.hpp"

namespace gantry::node {

class UsageReporter {
 public:
  struct Hooks {
    std::function<void(int64_t delay_ms, std::function<void()>)> schedule;  // not after the agent's end
    std::function<std::shared_ptr<const corev1::Pod>(const std::string& uid)> pod;
  };
  // Starts at once.
  UsageReporter(const NodeParts& parts, Hooks hooks);
  ~UsageReporter();
  UsageReporter(const UsageReporter&) = delete;
  UsageReporter& operator=(const UsageReporter&) = delete;
  void stop();  // idempotent

 private:
  class Rounds;
  std::shared_ptr<Rounds> rounds_;
};

}  // namespace gantry::node
