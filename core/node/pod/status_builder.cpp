#include "core/node/pod/status_builder.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/node/machine/qos.hpp"
#include "core/node/pod/container_states.hpp"
#include "gantry/stable_bytes.hpp"
#include "gantry/text.hpp"
#include "gantry/times.hpp"

namespace gantry::node {
namespace {

constexpr std::array<std::string_view, 5> kOurs = {"PodReadyToStartContainers", "Initialized", "Ready",
                                                   "ContainersReady", "PodScheduled"};

constexpr size_t kMaxMessages = 12 * 1024;

const corev1::PodCondition* find_condition(const corev1::PodStatus& status, std::string_view type) {
  for (const auto& condition : status.conditions()) {
    if (condition.type() == type) return &condition;
  }
  return nullptr;
}

struct Verdict {
  bool yes = false;
  std::string reason, message;
};

std::string joined_names(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : " ") + name;
  return "[" + out + "]";
}

class StatusBuilder {
 public:
  explicit StatusBuilder(const StatusInput& input) : in_(input), pod_(*input.pod) {}

  corev1::PodStatus build() {
    build_container_statuses(in_, out_);
    share_messages();
    out_.set_phase(in_.failure ? "Failed" : phase());
    // Sidecars may outlive the containers: it is not over before they are.
    if (is_terminal(out_) && in_.view->any_running()) out_.set_phase("Running");
    if (in_.failure) {
      out_.set_reason(in_.failure->reason);
      out_.set_message(in_.failure->message);
    }
    out_.set_qos_class(qos_name(qos_class(pod_)));
    if (pod_.metadata().generation() > 0) out_.set_observed_generation(pod_.metadata().generation());
    *out_.mutable_start_time() = in_.old->has_start_time() ? in_.old->start_time() : to_time(in_.now_unix_ns);
    add_addresses();
    add_conditions();
    return std::move(out_);
  }

 private:
  // What the containers of one pod may say at their ends, all together.
  void share_messages() {
    const int containers = pod_.spec().containers_size() + pod_.spec().init_containers_size();
    const size_t each = kMaxMessages / static_cast<size_t>(std::max(containers, 1));
    const auto cut = [&](corev1::ContainerState& state) {
      if (state.terminated().message().size() <= each) return;
      state.mutable_terminated()->set_message(std::string(cut_text(state.terminated().message(), each)));
    };
    for (auto* statuses : {out_.mutable_init_container_statuses(), out_.mutable_container_statuses()}) {
      for (auto& status : *statuses) {
        if (status.has_state()) cut(*status.mutable_state());
        if (status.has_last_state()) cut(*status.mutable_last_state());
      }
    }
  }

  bool initialized() const {
    for (const auto& status : out_.container_statuses()) {
      if (!status.state().has_waiting() || status.has_container_id() || status.last_state().has_terminated())
        return true;
    }
    return false;
  }

  // Init containers that failed for good, and those that still have to do their part.
  std::pair<int, int> init_counts() const {
    int failed = 0, pending = 0;
    for (int i = 0; i < out_.init_container_statuses_size(); ++i) {
      const auto& status = out_.init_container_statuses(i);
      const auto& container = pod_.spec().init_containers(i);
      if (is_sidecar(container)) {
        if (!status.started() && !initialized()) ++pending;
      } else if (!status.state().has_terminated()) {
        ++pending;
      } else if (status.state().terminated().exit_code() != 0) {
        ++(policy(container) == "Never" ? failed : pending);
      }
    }
    return {failed, pending};
  }

  const std::string& policy(const corev1::Container& container) const {
    return container.restart_policy().empty() ? pod_.spec().restart_policy() : container.restart_policy();
  }

  std::string phase() const {
    const auto [failed_init, pending_init] = init_counts();
    if (failed_init > 0) return "Failed";
    int running = 0, waiting = 0, stopped = 0, succeeded = 0, to_restart = 0;
    for (int i = 0; i < out_.container_statuses_size(); ++i) {
      const auto& status = out_.container_statuses(i);
      if (status.state().has_running()) {
        ++running;
      } else if (status.state().has_terminated()) {
        ++stopped;
        const auto code = status.state().terminated().exit_code();
        if (code == 0) ++succeeded;
        cri::ContainerStatus ended;
        ended.set_exit_code(code);
        if (restarts(pod_, pod_.spec().containers(i), ended)) ++to_restart;
      } else if (status.last_state().has_terminated()) {
        ++stopped;
        ++to_restart;
      } else {
        ++waiting;
      }
    }
    if (in_.ended && running == 0 && stopped > 0) return waiting == 0 && succeeded == stopped ? "Succeeded" : "Failed";
    if (in_.ended && running == 0 && pod_.metadata().has_deletion_timestamp()) return "Failed";
    if ((pending_init > 0 && !initialized()) || waiting > 0) return "Pending";
    if (running > 0) return "Running";
    if (stopped == 0) return "Pending";
    if (to_restart > 0) return "Running";
    return succeeded == stopped ? "Succeeded" : "Failed";
  }

  void add_addresses() {
    for (const auto& ip : in_.host_ips) {
      if (out_.host_ip().empty()) out_.set_host_ip(ip);
      out_.add_host_ips()->set_ip(ip);
    }
    for (const auto& ip : in_.pod_ips) {
      if (out_.pod_ip().empty()) out_.set_pod_ip(ip);
      out_.add_pod_ips()->set_ip(ip);
    }
  }

  void add_conditions() {
    const auto containers = containers_ready();
    add_condition("PodReadyToStartContainers", {in_.view->ready_sandbox() != nullptr && !in_.pod_ips.empty(), "", ""});
    add_condition("Initialized", initialized_verdict());
    add_condition("Ready", pod_ready(containers));
    add_condition("ContainersReady", containers);
    add_condition("PodScheduled", {true, "", ""});
  }

  void add_condition(std::string_view type, const Verdict& verdict) {
    auto& condition = *out_.add_conditions();
    condition.set_type(std::string(type));
    condition.set_status(verdict.yes ? "True" : "False");
    if (!verdict.reason.empty()) condition.set_reason(verdict.reason);
    if (!verdict.message.empty()) condition.set_message(verdict.message);
    if (pod_.metadata().generation() > 0) condition.set_observed_generation(pod_.metadata().generation());
    const auto* old = find_condition(*in_.old, type);
    const bool kept = old != nullptr && old->status() == condition.status() && old->has_last_transition_time();
    *condition.mutable_last_transition_time() = kept ? old->last_transition_time() : to_time(in_.now_unix_ns);
  }

  Verdict initialized_verdict() const {
    if (out_.phase() == "Succeeded") return {true, "PodCompleted", ""};
    std::vector<std::string> incomplete;
    for (int i = 0; i < out_.init_container_statuses_size(); ++i) {
      const auto& status = out_.init_container_statuses(i);
      const bool done = is_sidecar(pod_.spec().init_containers(i)) ? status.started() : status.ready();
      if (!done) incomplete.push_back(status.name());
    }
    if (incomplete.empty() || initialized()) return {true, "", ""};
    return {false, "ContainersNotInitialized", "containers with incomplete status: " + joined_names(incomplete)};
  }

  Verdict containers_ready() const {
    if (out_.phase() == "Succeeded") return {false, "PodCompleted", ""};
    if (out_.phase() == "Failed") return {false, "PodFailed", ""};
    std::vector<std::string> unready;
    for (int i = 0; i < out_.init_container_statuses_size(); ++i) {
      const auto& status = out_.init_container_statuses(i);
      if (is_sidecar(pod_.spec().init_containers(i)) && !status.ready()) unready.push_back(status.name());
    }
    for (const auto& status : out_.container_statuses()) {
      if (!status.ready()) unready.push_back(status.name());
    }
    if (unready.empty()) return {true, "", ""};
    return {false, "ContainersNotReady", "containers with unready status: " + joined_names(unready)};
  }

  Verdict pod_ready(const Verdict& containers) const {
    if (!containers.yes) return containers;
    std::string missing;
    for (const auto& gate : pod_.spec().readiness_gates()) {
      const auto* condition = find_condition(pod_.status(), gate.condition_type());
      if (condition != nullptr && condition->status() == "True") continue;
      if (!missing.empty()) missing += ", ";
      missing += condition == nullptr
                     ? "corresponding condition of pod readiness gate \"" + gate.condition_type() + "\" does not exist."
                     : "the status of pod readiness gate \"" + gate.condition_type() + "\" is not \"True\", but " +
                           condition->status();
    }
    if (missing.empty()) return {true, "", ""};
    return {false, "ReadinessGatesNotReady", missing};
  }

  const StatusInput& in_;
  const corev1::Pod& pod_;
  corev1::PodStatus out_;
};

}  // namespace

corev1::PodStatus build_status(const StatusInput& input) { return StatusBuilder(input).build(); }

bool is_terminal(const corev1::PodStatus& status) {
  return status.phase() == "Succeeded" || status.phase() == "Failed";
}

void merge_status(corev1::Pod& pod, const corev1::PodStatus& ours) {
  corev1::PodStatus merged = ours;
  const auto& theirs = pod.status();
  for (const auto& condition : theirs.conditions()) {
    if (std::find(kOurs.begin(), kOurs.end(), condition.type()) == kOurs.end()) *merged.add_conditions() = condition;
  }
  // Who scheduled it, and when, is the scheduler's word.
  if (const auto* scheduled = find_condition(theirs, "PodScheduled");
      scheduled != nullptr && scheduled->status() == "True") {
    for (auto& condition : *merged.mutable_conditions()) {
      if (condition.type() != "PodScheduled") continue;
      *condition.mutable_last_transition_time() = scheduled->last_transition_time();
    }
  }
  if (theirs.has_nominated_node_name()) merged.set_nominated_node_name(theirs.nominated_node_name());
  *merged.mutable_resource_claim_statuses() = theirs.resource_claim_statuses();
  *merged.mutable_ephemeral_container_statuses() = theirs.ephemeral_container_statuses();
  if (theirs.has_extended_resource_claim_status()) {
    *merged.mutable_extended_resource_claim_status() = theirs.extended_resource_claim_status();
  }
  *pod.mutable_status() = std::move(merged);
}

void make_text(corev1::PodStatus& status) {
  const auto text = [](const auto& from, auto&& set) {
    if (!is_utf8(from)) set(as_text(from));
  };
  text(status.reason(), [&](std::string fixed) { status.set_reason(std::move(fixed)); });
  text(status.message(), [&](std::string fixed) { status.set_message(std::move(fixed)); });
  for (auto& condition : *status.mutable_conditions()) {
    text(condition.reason(), [&](std::string fixed) { condition.set_reason(std::move(fixed)); });
    text(condition.message(), [&](std::string fixed) { condition.set_message(std::move(fixed)); });
  }
  const auto state_text = [&](corev1::ContainerState& state) {
    const auto both = [&](auto& of) {
      text(of.reason(), [&](std::string fixed) { of.set_reason(std::move(fixed)); });
      text(of.message(), [&](std::string fixed) { of.set_message(std::move(fixed)); });
    };
    if (state.has_waiting()) both(*state.mutable_waiting());
    if (state.has_terminated()) both(*state.mutable_terminated());
  };
  for (auto* statuses : {status.mutable_init_container_statuses(), status.mutable_container_statuses()}) {
    for (auto& container : *statuses) {
      text(container.image(), [&](std::string fixed) { container.set_image(std::move(fixed)); });
      text(container.image_id(), [&](std::string fixed) { container.set_image_id(std::move(fixed)); });
      if (container.has_state()) state_text(*container.mutable_state());
      if (container.has_last_state()) state_text(*container.mutable_last_state());
    }
  }
}

bool same_status(const corev1::PodStatus& a, const corev1::PodStatus& b) {
  return sdk::stable_bytes(a) == sdk::stable_bytes(b);
}

}  // namespace gantry::node
