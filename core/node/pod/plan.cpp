#include "core/node/pod/plan.hpp"

#include <algorithm>

namespace gantry::node {
namespace {

// Exit codes that have a rule of their own.
bool rule_restarts(const corev1::Container& container, int32_t exit_code) {
  for (const auto& rule : container.restart_policy_rules()) {
    if (rule.action() != "Restart") continue;
    const auto& codes = rule.exit_codes();
    const bool listed = std::find(codes.values().begin(), codes.values().end(), exit_code) != codes.values().end();
    if (codes.operator_() == "In" ? listed : codes.operator_() == "NotIn" && !listed) return true;
  }
  return false;
}

class Planner {
 public:
  explicit Planner(const PlanInput& input) : in_(input), pod_(*input.pod), view_(*input.view) {}

  PodPlan run() {
    if (needs_sandbox()) {
      plan_sandbox();
      return std::move(plan_);
    }
    sandbox_ = view_.sandboxes.front().id();
    plan_.initialized = any_main_created() ? keep_sidecars() : plan_init();
    if (plan_.end_pod || !plan_.initialized) return std::move(plan_);
    plan_containers();
    return std::move(plan_);
  }

 private:
  bool needs_sandbox() const { return view_.ready_sandbox() == nullptr; }

  // Those that still have to run; one that has ended for good does not make a sandbox worth having.
  std::vector<const corev1::Container*> wanted() const {
    std::vector<const corev1::Container*> out;
    for (const auto& container : pod_.spec().containers()) {
      const auto* last = view_.latest(container.name());
      if (last == nullptr || !last->exited() || restarts(pod_, container, last->status)) out.push_back(&container);
    }
    return out;
  }

  void plan_sandbox() {
    plan_.sandbox_changed = !view_.sandboxes.empty();
    for (const auto& sandbox : view_.sandboxes) {
      plan_.sandbox_attempt = std::max(plan_.sandbox_attempt, sandbox.metadata().attempt() + 1);
      plan_.dead_sandboxes.push_back(sandbox.id());
    }
    kill_everything();
    if (wanted().empty() || (plan_.sandbox_changed && any_ended() && gives_up_without_sandbox())) {
      plan_.end_pod = true;
      return;
    }
    plan_.create_sandbox = true;
    if (!pod_.spec().init_containers().empty()) {
      start(pod_.spec().init_containers(0), true);
      return;
    }
    plan_.initialized = true;
    for (const auto* container : wanted()) start(*container, false);
  }

  bool any_ended() const {
    return std::any_of(view_.containers.begin(), view_.containers.end(),
                       [](const auto& instance) { return instance.exited(); });
  }
  bool gives_up_without_sandbox() const { return pod_.spec().restart_policy() == "Never"; }

  bool any_main_created() const {
    return std::any_of(pod_.spec().containers().begin(), pod_.spec().containers().end(),
                       [&](const auto& container) { return view_.latest(container.name(), sandbox_) != nullptr; });
  }

  // The first that has not done its part is acted on; what follows waits.
  bool plan_init() {
    for (const auto& container : pod_.spec().init_containers()) {
      const auto* instance = view_.latest(container.name(), sandbox_);
      const bool passed = is_sidecar(container) ? sidecar_started(container, instance) : init_done(container, instance);
      if (!passed) return false;
    }
    return true;
  }

  bool init_done(const corev1::Container& container, const Instance* instance) {
    if (instance != nullptr && instance->running()) return false;
    if (instance != nullptr && instance->exited()) {
      if (instance->status.exit_code() == 0) return true;
      if (!restarts(pod_, container, instance->status)) {
        plan_.end_pod = true;
        kill_everything();
        return false;
      }
    }
    if (instance != nullptr && instance->status.state() == cri::CONTAINER_UNKNOWN)
      kill(*instance, unknown_message(container), KillReason::kUnknown);
    start(container, true);
    return false;
  }

  bool sidecar_started(const corev1::Container& container, const Instance* instance) {
    if (!keep_running(container, instance, true)) return false;
    return in_.probe(instance->id()).started;
  }

  // After initialization sidecars are only kept alive.
  bool keep_sidecars() {
    for (const auto& container : pod_.spec().init_containers()) {
      if (is_sidecar(container)) keep_running(container, view_.latest(container.name(), sandbox_), true);
    }
    return true;
  }

  void plan_containers() {
    bool any_left = false;
    for (const auto& container : pod_.spec().containers()) {
      const auto* instance = view_.latest(container.name());
      if (instance != nullptr && instance->exited() && !restarts(pod_, container, instance->status)) continue;
      any_left = true;
      keep_running(container, instance, false);
    }
    if (any_left) return;
    plan_.end_pod = true;
    plan_.start.clear();
    plan_.kill.clear();
    kill_everything();
  }

  // True when it runs as it should; otherwise plans what makes it so.
  bool keep_running(const corev1::Container& container, const Instance* instance, bool init) {
    if (instance == nullptr || instance->exited() || instance->status.state() == cri::CONTAINER_CREATED) {
      start(container, init);
      return false;
    }
    if (instance->status.state() == cri::CONTAINER_UNKNOWN) {
      kill(*instance, unknown_message(container), KillReason::kUnknown);
      start(container, init);
      return false;
    }
    std::string why;
    auto reason = KillReason::kChanged;
    bool again = true;
    if (!hash_matches(instance->status, container)) {
      why = "Container " + container.name() + " definition changed";
    } else if (const auto probe = in_.probe(instance->id()); probe.failed_liveness) {
      const bool startup = container.has_startup_probe() && !probe.started;
      reason = startup ? KillReason::kStartup : KillReason::kLiveness;
      why = "Container " + container.name() + " failed " + (startup ? "startup" : "liveness") + " probe";
      again = restarts_after_failure(container, init);
    } else {
      return true;
    }
    kill(*instance, again ? why + ", will be restarted" : why, reason);
    if (again) start(container, init);
    return false;
  }

  bool restarts_after_failure(const corev1::Container& container, bool init) const {
    if (init && is_sidecar(container)) return true;
    const auto& own = container.restart_policy();
    return (own.empty() ? pod_.spec().restart_policy() : own) != "Never";
  }

  static std::string unknown_message(const corev1::Container& container) {
    return "Container " + container.name() + " is in unknown state, try killing it before restart";
  }

  void start(const corev1::Container& container, bool init) {
    plan_.start.push_back({&container, init, next_restart_count(view_, container)});
  }
  void kill(const Instance& instance, std::string message, KillReason reason) {
    plan_.kill.push_back({instance.id(), instance.name(), std::move(message), reason});
  }
  void kill_everything() {
    for (const auto& instance : view_.containers) {
      if (!instance.running() && instance.status.state() != cri::CONTAINER_UNKNOWN) continue;
      kill(instance, "Stopping container " + instance.name(), KillReason::kPodEnds);
    }
  }

  const PlanInput& in_;
  const corev1::Pod& pod_;
  const PodView& view_;
  std::string sandbox_;
  PodPlan plan_;
};

}  // namespace

bool restarts(const corev1::Pod& pod, const corev1::Container& container, const cri::ContainerStatus& ended) {
  if (rule_restarts(container, ended.exit_code())) return true;
  const auto& own = container.restart_policy();
  const auto& policy = own.empty() ? pod.spec().restart_policy() : own;
  if (policy == "Never") return false;
  return policy == "OnFailure" ? ended.exit_code() != 0 : true;
}

int32_t next_restart_count(const PodView& view, const corev1::Container& container) {
  const auto* last = view.latest(container.name());
  // What was created but never started does not count.
  if (last == nullptr) return 0;
  return last->status.state() == cri::CONTAINER_CREATED ? restart_count(last->status) : restart_count(last->status) + 1;
}

PodPlan plan_pod(const PlanInput& input) { return Planner(input).run(); }

}  // namespace gantry::node
