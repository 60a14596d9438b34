// What is to be done next for a pod that shall run: spec, what the runtime has, and what probes say, to actions. Pure.
//
// The rules are the kubelet's computePodActions: one sandbox, init containers in order, sidecars before what follows
// them, restarts by policy. Called by the pod worker; executing it and planning again ends in an empty plan. Any
// thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/node/pod/pod_view.hpp"
#include "core/node/probes/prober.hpp"

namespace gantry::node {

enum class KillReason : uint8_t { kPodEnds, kChanged, kLiveness, kStartup, kUnknown };

struct ContainerKill {
  std::string container_id;
  std::string name;
  std::string message;  // as the Killing event says it
  KillReason reason = KillReason::kPodEnds;
};

struct ContainerStart {
  const corev1::Container* container = nullptr;  // in the pod the plan was made for
  bool init = false;
  int32_t restart_count = 0;  // of the instance to be made
};

struct PodPlan {
  bool end_pod = false;  // nothing is left to run: stop what still does (sidecars), and the sandbox
  bool create_sandbox = false;
  uint32_t sandbox_attempt = 0;
  std::vector<std::string> dead_sandboxes;  // to be stopped before another is made
  bool sandbox_changed = false;             // there was one before
  std::vector<ContainerKill> kill;
  std::vector<ContainerStart> start;  // in this order
  bool initialized = false;           // all init containers are done, sidecars have started
};

struct PlanInput {
  const corev1::Pod* pod = nullptr;
  const PodView* view = nullptr;
  std::function<ProbeState(const std::string& container_id)> probe;
};

PodPlan plan_pod(const PlanInput& input);

// Whether an ended instance is to be followed by another, by the container's rules and policy, or the pod's.
bool restarts(const corev1::Pod& pod, const corev1::Container& container, const cri::ContainerStatus& ended);
// How many times it was started before the next instance.
int32_t next_restart_count(const PodView& view, const corev1::Container& container);

}  // namespace gantry::node
