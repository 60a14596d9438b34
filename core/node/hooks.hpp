// Lifecycle hooks of containers: postStart and preStop as exec, httpGet, or sleep. Block until done or out of time.
// [worker]
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "core/node/runtime_client.hpp"
#include "gantry/resources.hpp"

namespace gantry::node {

struct HookTarget {
  std::string container_id, pod_ip;
  const corev1::Pod* pod = nullptr;
  const corev1::Container* container = nullptr;
};

// `stop` ends a sleep early.
Status run_hook(const RuntimeClient& runtime, const corev1::LifecycleHandler& handler, const HookTarget& target,
                int64_t timeout_seconds, const std::atomic<bool>& stop);

}  // namespace gantry::node
