// The status side of a sync: what is said of the pod.
#include "core/node/logs/log_tail.hpp"
#include "core/node/pod/pod_files.hpp"
#include "core/node/pod/pod_sync.hpp"
#include "core/node/runtime/container_config.hpp"
#include "gantry/text.hpp"

namespace gantry::node {

std::string PodSync::termination_message(const Instance& instance) const {
  const auto& notes = instance.status.annotations();
  const auto note = [&](const char* key) {
    const auto found = notes.find(key);
    return found == notes.end() ? std::string() : found->second;
  };
  const auto path = note(labels::kMessagePath);
  std::string message;
  for (const auto& mount : instance.status.mounts()) {
    if (!path.empty() && mount.container_path() == path) message = read_termination_log(mount.host_path());
  }
  if (message.empty() && note(labels::kMessagePolicy) == "FallbackToLogsOnError" && instance.status.exit_code() != 0) {
    message = as_text(log_tail(instance.status.log_path()));
  }
  return message;
}

corev1::PodStatus PodSync::make_status(bool ended) const {
  StatusInput input;
  input.pod = pod_.get();
  input.old = &old_status();
  input.view = &view_;
  input.probe = [this](const std::string& id) { return parts_.prober->state(id); };
  input.termination_message = [this](const Instance& instance) { return termination_message(instance); };
  for (const auto& [name, why] : memory_.waiting) {
    const auto* newest = view_.latest(name);
    if (newest == nullptr || !newest->running()) input.waiting[name] = why;
  }
  for (const auto& [name, hook] : memory_.post_starts) input.starting.insert(name);
  input.runtime_name = parts_.runtime_name;
  input.host_ips = {parts_.options.node_address};
  input.pod_ips = memory_.pod_ips;
  input.now_unix_ns = parts_.now();
  input.ended = ended;
  if (ended) input.failure = memory_.failure;
  // They stay for a pod that has ended, and while the network is not asked yet after a restart.
  if (input.pod_ips.empty() && (ended || view_.ready_sandbox() != nullptr)) {
    for (const auto& ip : old_status().pod_ips()) input.pod_ips.push_back(ip.ip());
  }
  return build_status(input);
}

void PodSync::write_status(bool ended) {
  auto status = make_status(ended);
  if (memory_.status && same_status(*memory_.status, status)) return;
  memory_.status = status;
  parts_.statuses->set(*pod_, std::move(status));
}

}  // namespace gantry::node
