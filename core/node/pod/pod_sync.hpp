// The room of a pod: what is to be done for it and by whom, from its spec to its status and its end.
//
// This moves one pod towards what the API wants of it: reads the runtime, plans, acts, writes the status.
// Level-triggered: any call may be the first after a crash.
//
// One sync a pod at a time (PodWorkers sees to it), so that the memory of a pod needs no lock. [worker]
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/node/node_parts.hpp"
#include "core/node/pod/container_starter.hpp"
#include "core/node/pod/plan.hpp"
#include "core/node/pod/pod_view.hpp"
#include "core/node/pod/pod_worker.hpp"
#include "core/node/pod/status_builder.hpp"

namespace gantry::node {

// A postStart hook that runs, or has failed so that its container is being stopped: until then the pod starts nothing
// more.
struct PostStart {
  std::string container_id;
  uint64_t hook = 0;
  bool failed = false;
  std::mutex mutex;
  std::optional<Status> result;  // under mutex: it comes on another thread
};

// What is kept of a pod between syncs. All of it can be lost.
struct PodMemory {
  std::string uid;
  std::map<std::string, WaitingReason> waiting;  // by container
  std::optional<WaitingReason> failure;          // the pod failed as a whole
  std::string attached;                          // the sandbox that pod_ips are of
  std::vector<std::string> pod_ips;
  std::optional<corev1::PodStatus> status;                        // the last that was set
  std::set<std::string> probed;                                   // containers given to the prober
  std::map<std::string, std::shared_ptr<PostStart>> post_starts;  // by container's name
  std::string last_warning;                                       // of a failure that repeats
  std::set<std::string> stopped;                                  // sandboxes of which nothing runs any more
  bool holds_objects = false, first = true, cleaned = false;
  bool deleted = false;  // the final DELETE was answered
};

class PodSync {
 public:
  // `pod` null: the API no longer knows it, and the node still has something of it.
  PodSync(NodeParts& parts, PodMemory& memory, std::shared_ptr<const corev1::Pod> pod, bool gone)
      : parts_(parts), memory_(memory), pod_(std::move(pod)), gone_(gone || pod_ == nullptr) {}

  struct Result {
    PodWorkers::Outcome outcome;
    bool over = false;  // nothing of the pod is left on this node
  };
  Result run();

 private:
  Result failed(const std::string& what, const Status& why);
  // What lasts wakes the pod; it looks by itself, too.
  static Result woken_later() { return {{false, 10'000}, false}; }

  // pod_sync.cpp: a pod that shall run
  Result keep_running();
  Result act(const PodPlan& plan);
  bool past_deadline(int64_t& left_ms);
  Result end_pod();
  Status prepare(bool for_start);
  std::optional<Status> ensure_sandbox(const PodPlan& plan, cri::PodSandboxConfig& config);
  Status attach(const std::string& sandbox_id);
  Expected<cri::PodSandboxConfig> config_for(uint32_t attempt) const;
  Result start_containers(const PodPlan& plan, const cri::PodSandboxConfig& config);
  void kill_planned(const PodPlan& plan);
  Status adopt_network();
  void update_probes();
  void remove_dead();

  // pod_hooks.cpp
  bool begin_post_start(const corev1::Container& container, const std::string& id);
  void settle_post_starts();
  void fail_post_start(const std::string& name, PostStart& hook, const Status& why);
  void cancel_post_starts();

  // pod_status_sync.cpp
  corev1::PodStatus make_status(bool ended) const;
  void write_status(bool ended = false);
  std::string termination_message(const Instance& instance) const;
  const corev1::PodStatus& old_status() const { return memory_.status ? *memory_.status : pod_->status(); }

  // pod_teardown.cpp: a pod that ends
  Result finish();
  Result terminate();
  int64_t grace_seconds() const;
  bool stop_containers(int64_t grace);
  // Null: they are being stopped, and the pod is woken then.
  std::optional<Status> stop_sandboxes();
  std::optional<Status> stop_sandbox(const cri::PodSandbox& sandbox);
  Status detach(const cri::PodSandbox& sandbox);
  std::optional<Status> clean(bool containers_too);
  Result delete_object();
  void warn_once(const std::string& reason, const std::string& message);

  NodeParts& parts_;
  PodMemory& memory_;
  const std::shared_ptr<const corev1::Pod> pod_;
  const bool gone_;
  PodView view_;
};

}  // namespace gantry::node
