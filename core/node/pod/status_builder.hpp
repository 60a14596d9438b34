// The status of a pod from its spec, the runtime's view and what the worker knows. Pure: the same input, the same
// status.
//
// The rules of phase, conditions and container states are the kubelet's. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/node/pod/plan.hpp"
#include "core/node/pod/pod_view.hpp"

namespace gantry::node {

// Why a container does not run: "CrashLoopBackOff", "ErrImagePull", ...
struct WaitingReason {
  std::string reason, message;
};

struct StatusInput {
  const corev1::Pod* pod = nullptr;        // spec and metadata of the API
  const corev1::PodStatus* old = nullptr;  // what was last said of it
  const PodView* view = nullptr;
  std::function<ProbeState(const std::string& container_id)> probe;
  std::function<std::string(const Instance&)> termination_message;
  std::map<std::string, WaitingReason> waiting;  // by container name
  std::set<std::string> starting;                // names of containers whose postStart hook runs, or made them end
  std::string runtime_name;                      // "oci": before "://" in container IDs
  std::vector<std::string> host_ips, pod_ips;
  int64_t now_unix_ns = 0;
  bool ended = false;                    // nothing will be started any more (deleted, or failed as a whole)
  std::optional<WaitingReason> failure;  // the pod failed as a whole: DeadlineExceeded
};

corev1::PodStatus build_status(const StatusInput& input);

bool is_terminal(const corev1::PodStatus& status);  // Succeeded or Failed
// Puts `ours` into the pod, keeping what other writers own: their conditions, the nominated node, claims.
void merge_status(corev1::Pod& pod, const corev1::PodStatus& ours);
// What others' words may have brought (runtimes, logs, images) becomes text: U+FFFD for what is no UTF-8.
void make_text(corev1::PodStatus& status);
// Equal as messages, whatever the order of their maps.
bool same_status(const corev1::PodStatus& a, const corev1::PodStatus& b);

}  // namespace gantry::node
