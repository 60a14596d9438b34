#include "core/node/pod/pod_sync.hpp"

#include <algorithm>

#include "core/node/pod/pod_attachment.hpp"
#include "core/node/pod/pod_files.hpp"
#include "core/node/runtime/container_config.hpp"
#include "gantry/times.hpp"

namespace gantry::node {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;

}  // namespace

PodSync::Result PodSync::failed(const std::string& what, const Status& why) {
  const std::string name = pod_ ? pod_title(*pod_) : memory_.uid;
  parts_.log(2, "pod " + name + ": " + what + ": " + why.message());
  return {{true, 0}, false};
}

PodSync::Result PodSync::run() {
  if (memory_.cleaned && gone_) return {{}, true};
  if (memory_.cleaned) return delete_object();
  auto view = read_pod(parts_.runtime, memory_.uid);
  if (!view) return failed("read the runtime's state", view.error());
  view_ = std::move(*view);
  for (const auto& sandbox : view_.sandboxes) parts_.sandbox_seen(sandbox.id(), memory_.uid);
  if (gone_ || pod_->metadata().has_deletion_timestamp()) return terminate();
  if (is_terminal(pod_->status())) return finish();
  return keep_running();
}

PodSync::Result PodSync::keep_running() {
  if (!memory_.holds_objects) {
    parts_.objects->hold(*pod_);
    memory_.holds_objects = true;
  }
  const auto* sandbox = view_.ready_sandbox();
  // Found running: without its addresses nothing new can be said of it, and what was said before stays.
  if (sandbox != nullptr && !pod_->spec().host_network() && !parts_.network_ready) return {};
  if (auto status = adopt_network(); !status.ok()) return failed("network", status);
  settle_post_starts();
  update_probes();
  int64_t left_ms = 0;
  if (memory_.failure || past_deadline(left_ms)) return end_pod();
  const auto plan = plan_pod({pod_.get(), &view_, [this](const std::string& id) { return parts_.prober->state(id); }});
  if (plan.end_pod) return end_pod();
  auto result = act(plan);
  if (!memory_.pod_ips.empty() || view_.ready_sandbox() == nullptr) memory_.first = false;
  if (left_ms > 0 && !result.outcome.failed) {
    result.outcome.again_ms = result.outcome.again_ms == 0 ? left_ms : std::min(result.outcome.again_ms, left_ms);
  }
  return result;
}

bool PodSync::past_deadline(int64_t& left_ms) {
  if (!pod_->spec().has_active_deadline_seconds()) return false;
  const auto& status = old_status();
  if (!status.has_start_time()) {
    left_ms = pod_->spec().active_deadline_seconds() * 1000;
    return false;
  }
  const int64_t end = to_ns(status.start_time()) + pod_->spec().active_deadline_seconds() * kNanosPerSecond;
  left_ms = (end - parts_.now()) / kNsPerMs + 1;
  if (end > parts_.now()) return false;
  memory_.failure = WaitingReason{"DeadlineExceeded", "Pod was active on the node longer than the specified deadline"};
  parts_.events.normal(*pod_, memory_.failure->reason, memory_.failure->message);
  return true;
}

// Nothing of it is to run any more: what does is stopped; the status that says so leads to finish().
PodSync::Result PodSync::end_pod() {
  cancel_post_starts();
  const bool quiet = stop_containers(pod_->spec().termination_grace_period_seconds());
  memory_.waiting.clear();
  write_status(quiet && memory_.failure);
  return {};
}

PodSync::Result PodSync::act(const PodPlan& plan) {
  kill_planned(plan);
  if (plan.create_sandbox && view_.any_running()) return {};  // woken when they have been stopped
  const bool starts = memory_.post_starts.empty() && (plan.create_sandbox || !plan.start.empty());
  if (auto status = prepare(starts); !status.ok()) {
    write_status();
    return failed("volumes", status);
  }
  if (!starts) {
    remove_dead();
    write_status();
    return {};
  }
  if (view_.sandboxes.empty()) write_status();  // "ContainerCreating" is seen while it is made
  cri::PodSandboxConfig config;
  const auto ensured = ensure_sandbox(plan, config);
  if (!ensured || !ensured->ok()) {
    write_status();
    return ensured ? failed("sandbox", *ensured) : woken_later();
  }
  return start_containers(plan, config);
}

void PodSync::kill_planned(const PodPlan& plan) {
  for (const auto& kill : plan.kill) {
    int64_t grace = pod_->spec().termination_grace_period_seconds();
    for (const auto& container : pod_->spec().containers()) {
      if (container.name() != kill.name) continue;
      const auto& probe = kill.reason == KillReason::kStartup ? container.startup_probe() : container.liveness_probe();
      const bool by_probe = kill.reason == KillReason::kStartup || kill.reason == KillReason::kLiveness;
      if (by_probe && probe.has_termination_grace_period_seconds()) grace = probe.termination_grace_period_seconds();
    }
    const bool first =
        parts_.killer->kill({memory_.uid, kill.container_id, memory_.pod_ips.empty() ? "" : memory_.pod_ips.front(),
                             pod_, kill.name, grace});
    if (first) parts_.events.container_normal(*pod_, kill.name, "Killing", kill.message);
  }
}

// Volumes are refreshed with every sync; only what is about to start has to wait for them.
Status PodSync::prepare(bool for_start) {
  auto status = parts_.volumes->set_up(*pod_, parts_.facts(memory_.pod_ips));
  if (status.ok()) return {};
  if (!for_start) {
    parts_.log(2, "pod " + pod_title(*pod_) + ": refresh volumes: " + status.message());
    return {};
  }
  parts_.events.warning(*pod_, "FailedMount", status.message());
  return status;
}

Expected<cri::PodSandboxConfig> PodSync::config_for(uint32_t attempt) const {
  SandboxInput input;
  input.pod = pod_.get();
  input.attempt = attempt;
  auto dns = dns_config(*pod_, parts_.options.resolv_conf);
  if (!dns) return std::move(dns).error();
  input.dns = std::move(*dns);
  input.cgroup_parent = parts_.cgroups.pod_cgroup(*pod_);
  input.log_directory = parts_.log_dir(*pod_).string();
  input.node_name = parts_.options.node_name;
  return sandbox_config(input);
}

std::optional<Status> PodSync::ensure_sandbox(const PodPlan& plan, cri::PodSandboxConfig& config) {
  const auto* ready = view_.ready_sandbox();
  auto made = config_for(plan.create_sandbox ? plan.sandbox_attempt : ready->metadata().attempt());
  if (!made) return std::move(made).error();
  config = std::move(*made);
  if (!plan.create_sandbox) return attach(ready->id());
  if (!pod_->spec().host_network() && !parts_.network_ready) {
    warn_once("NetworkNotReady", "network is not ready: the node has no pod range yet");
    return Status::unavailable("the pod network is not ready");
  }
  if (plan.sandbox_changed) {
    const auto& newest = view_.sandboxes.front().id();
    if (!memory_.stopped.contains(newest) && !parts_.sandbox_stops->has(memory_.uid, newest)) {
      parts_.events.normal(*pod_, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.");
    }
    if (auto stopped = stop_sandboxes(); !stopped || !stopped->ok()) return stopped;
  }
  const auto refuse = [&](Status status) {
    parts_.events.warning(*pod_, "FailedCreatePodSandBox", "Failed to create pod sandbox: " + status.message());
    return status;
  };
  if (auto status = parts_.cgroups.make(*pod_); !status.ok()) return refuse(std::move(status));
  std::error_code error;
  std::filesystem::create_directories(config.log_directory(), error);
  if (error) return refuse(Status::internal("create the log directory: " + error.message()));
  const auto id = parts_.runtime.run_pod_sandbox(config, {});
  if (!id) return refuse(id.error());
  parts_.sandbox_seen(*id, memory_.uid);
  if (auto status = attach(*id); !status.ok()) return refuse(std::move(status));
  auto view = read_pod(parts_.runtime, memory_.uid);
  if (!view) return std::move(view).error();
  view_ = std::move(*view);
  return view_.ready_sandbox() != nullptr ? Status() : Status::internal("the sandbox ended as soon as it was made");
}

// Again for an attached sandbox: the same addresses. Half an attachment of a daemon that was killed is completed.
Status PodSync::attach(const std::string& sandbox_id) {
  if (memory_.attached == sandbox_id && !memory_.pod_ips.empty()) return {};
  if (pod_->spec().host_network()) {
    memory_.pod_ips = {parts_.options.node_address};
    memory_.attached = sandbox_id;
    return {};
  }
  const auto status = parts_.runtime.pod_sandbox_status(sandbox_id);
  if (!status) return status.error();
  const auto netns = status->info().find("netns");
  if (netns == status->info().end()) return Status::internal("the runtime names no network namespace of the sandbox");
  auto added = parts_.network.add(make_attachment(sandbox_id, netns->second, *pod_));
  if (!added) return Status(added.error()).in("set up the network of the sandbox");
  if (added->ips().empty()) return Status::internal("the network gave the sandbox no address");
  memory_.pod_ips.assign(added->ips().begin(), added->ips().end());
  memory_.attached = sandbox_id;
  return {};
}

// A pod found running: its addresses are asked for again, which changes nothing of it.
Status PodSync::adopt_network() {
  const auto* ready = view_.ready_sandbox();
  if (ready != nullptr) return attach(ready->id());
  memory_.pod_ips.clear();
  memory_.attached.clear();
  return {};
}

PodSync::Result PodSync::start_containers(const PodPlan& plan, const cri::PodSandboxConfig& config) {
  const ContainerStarter::Job job{pod_, &view_, view_.ready_sandbox()->id(), &config, memory_.pod_ips};
  ContainerStarter starter(parts_, job);
  Result result;
  bool started = false;
  for (const auto& start : plan.start) {
    const auto* last = view_.latest(start.container->name());
    if (last != nullptr && last->running()) continue;  // it is being stopped first
    auto failure = starter.start(start);
    if (!failure) {
      started = true;
      memory_.waiting.erase(start.container->name());
      if (begin_post_start(*start.container, starter.started())) break;
      continue;
    }
    if (!failure->under_way) memory_.waiting[start.container->name()] = std::move(failure->waiting);
    if (failure->retry_ms == 0) result.outcome.failed = true;
    if (failure->retry_ms > 0 && (result.outcome.again_ms == 0 || failure->retry_ms < result.outcome.again_ms)) {
      result.outcome.again_ms = failure->retry_ms;
    }
    if (failure->under_way) break;  // the others in their order
  }
  if (auto view = read_pod(parts_.runtime, memory_.uid); view) view_ = std::move(*view);
  update_probes();
  remove_dead();
  write_status();
  if (started) parts_.wake(memory_.uid);  // what follows an init container, and what ended at once
  return result;
}

void PodSync::update_probes() {
  const auto ready_before = [&](const std::string& id) {
    for (const auto* statuses : {&pod_->status().container_statuses(), &pod_->status().init_container_statuses()}) {
      for (const auto& status : *statuses) {
        if (status.ready() && status.container_id().ends_with("://" + id)) return true;
      }
    }
    return false;
  };
  const auto add = [&](const corev1::Container& container) {
    const auto* instance = view_.latest(container.name());
    if (instance == nullptr || !instance->running() || memory_.post_starts.contains(container.name())) return;
    if (!memory_.probed.insert(instance->id()).second) return;
    parts_.prober->add({memory_.uid, instance->id(), memory_.pod_ips.empty() ? "" : memory_.pod_ips.front(), *pod_,
                        container, instance->status.started_at()},
                       memory_.first && ready_before(instance->id()));
  };
  if (memory_.pod_ips.empty() && view_.ready_sandbox() != nullptr) return;  // they need an address to go to
  for (const auto& container : pod_->spec().containers()) add(container);
  for (const auto& container : pod_->spec().init_containers()) {
    if (is_sidecar(container)) add(container);
  }
  for (auto it = memory_.probed.begin(); it != memory_.probed.end();) {
    const auto* instance = view_.by_id(*it);
    if (instance != nullptr && instance->running()) {
      ++it;
      continue;
    }
    parts_.prober->remove(*it);
    it = memory_.probed.erase(it);
  }
}

// The newest instance of a container is kept, and the one before it for `logs --previous`.
void PodSync::remove_dead() {
  std::map<std::string, int> seen;
  std::set<std::string> in_use;
  for (const auto& instance : view_.containers) {
    const int age = seen[instance.name()]++;
    if (age < 2 || !instance.exited()) {
      in_use.insert(instance.sandbox_id);
    } else if (auto status = parts_.runtime.remove_container(instance.id()); !status.ok()) {
      parts_.log(2, "remove container " + instance.id() + ": " + status.message());
    } else {
      std::error_code ignored;
      std::filesystem::remove(instance.status.log_path(), ignored);
    }
  }
  for (size_t i = 1; i < view_.sandboxes.size(); ++i) {
    const auto& sandbox = view_.sandboxes[i];
    if (sandbox.state() == cri::SANDBOX_READY && !stop_sandbox(sandbox)) continue;
    if (in_use.contains(sandbox.id())) continue;
    if (auto status = parts_.runtime.remove_pod_sandbox(sandbox.id()); !status.ok()) {
      parts_.log(2, "remove sandbox " + sandbox.id() + ": " + status.message());
    } else {
      memory_.stopped.erase(sandbox.id());
    }
  }
}

}  // namespace gantry::node
