#include "core/node/runtime/container_config.hpp"

#include <algorithm>

#include "core/node/machine/qos.hpp"
#include "core/node/runtime/labels.hpp"
#include "core/node/runtime/security_config.hpp"
#include "gantry/text.hpp"

namespace gantry::node {
namespace {

void set_resources(const CgroupLimits& limits, cri::LinuxContainerResources& to) {
  to.set_cpu_shares(limits.cpu_shares);
  to.set_cpu_period(limits.cpu_period);
  to.set_cpu_quota(limits.cpu_quota);
  to.set_memory_limit_in_bytes(limits.memory);
}

template <typename Map>
void set_pod_labels(const corev1::Pod& pod, Map& to) {
  to[labels::kPodName] = pod.metadata().name();
  to[labels::kPodNamespace] = pod.metadata().namespace_();
  to[labels::kPodUid] = pod.metadata().uid();
}

cri::Protocol protocol(const std::string& name) {
  if (name == "UDP") return cri::UDP;
  return name == "SCTP" ? cri::SCTP : cri::TCP;
}

void set_ports(const corev1::Pod& pod, cri::PodSandboxConfig& to) {
  for (const auto& container : pod.spec().containers()) {
    for (const auto& port : container.ports()) {
      auto& mapping = *to.add_port_mappings();
      mapping.set_protocol(protocol(port.protocol()));
      mapping.set_container_port(port.container_port());
      mapping.set_host_port(port.host_port());
      mapping.set_host_ip(port.host_ip());
    }
  }
}

void set_annotations(const ContainerInput& in, cri::ContainerConfig& to) {
  auto& notes = *to.mutable_annotations();
  const auto& container = *in.container;
  notes[labels::kHash] = container_hash(container);
  notes[labels::kRestartCount] = std::to_string(in.restart_count);
  notes[labels::kMessagePath] = container.termination_message_path();
  notes[labels::kMessagePolicy] = container.termination_message_policy();
  notes[labels::kPodGrace] = std::to_string(in.pod->spec().termination_grace_period_seconds());
  if (in.pod->metadata().has_deletion_grace_period_seconds()) {
    notes[labels::kPodDeletionGrace] = std::to_string(in.pod->metadata().deletion_grace_period_seconds());
  }
}

void add_mount(cri::ContainerConfig& to, const std::string& host, const std::string& inside) {
  auto& mount = *to.add_mounts();
  mount.set_host_path(host);
  mount.set_container_path(inside);
}

bool mounts_at(const corev1::Container& container, const std::string& path) {
  return std::any_of(container.volume_mounts().begin(), container.volume_mounts().end(),
                     [&](const auto& mount) { return mount.mount_path() == path; });
}

void set_mounts(const ContainerInput& in, cri::ContainerConfig& to) {
  for (const auto& from : in.mounts) {
    add_mount(to, from.host_path, from.container_path);
    auto& mount = *to.mutable_mounts(to.mounts_size() - 1);
    mount.set_readonly(from.read_only);
    if (from.propagation == "HostToContainer") mount.set_propagation(cri::PROPAGATION_HOST_TO_CONTAINER);
    if (from.propagation == "Bidirectional") mount.set_propagation(cri::PROPAGATION_BIDIRECTIONAL);
  }
  // A volume the user put there is meant.
  if (!in.hosts_file.empty() && !mounts_at(*in.container, "/etc/hosts")) {
    add_mount(to, in.hosts_file, "/etc/hosts");
    to.mutable_mounts(to.mounts_size() - 1)->set_readonly(in.container->security_context().read_only_root_filesystem());
  }
  const auto& message_path = in.container->termination_message_path();
  if (!in.termination_log.empty() && !message_path.empty()) add_mount(to, in.termination_log, message_path);
}

void set_linux(const ContainerInput& in, cri::LinuxContainerConfig& to) {
  auto& resources = *to.mutable_resources();
  set_resources(container_limits(*in.container), resources);
  resources.set_oom_score_adj(oom_score_adj(*in.pod, *in.container, in.memory_capacity));
  if (in.cgroup_v2) (*resources.mutable_unified())["memory.oom.group"] = "1";
  *to.mutable_security_context() = container_security(*in.pod, *in.container);
}

void set_image(const ContainerInput& in, cri::ImageSpec& to) {
  const bool known = in.image != nullptr && !in.image->id().empty();
  to.set_image(known ? in.image->id() : in.container->image());
  to.set_user_specified_image(in.container->image());
}

cri::Signal stop_signal(const std::string& name) {
  cri::Signal signal = cri::SIGNAL_RUNTIME_DEFAULT;
  // The full reflection of enums is not in the lite runtime; Parse is.
  if (name.starts_with("SIG") && cri::Signal_Parse("SIGNAL_" + name.substr(3), &signal)) return signal;
  return cri::SIGNAL_RUNTIME_DEFAULT;
}

// Bytes of an environment's value may have come here by "$(NAME)".
Status check_text(const cri::ContainerConfig& config) {
  const auto check = [](const std::string& what, const std::string& value) {
    if (is_utf8(value)) return Status();
    // Not with its value: that may be a secret's.
    return Status::invalid(what + " is no UTF-8 text once its variables are expanded");
  };
  for (const auto& word : config.command()) {
    if (auto status = check("a word of the command", word); !status.ok()) return status;
  }
  for (const auto& word : config.args()) {
    if (auto status = check("an argument", word); !status.ok()) return status;
  }
  for (const auto& mount : config.mounts()) {
    if (auto status = check("the path of a mount", mount.host_path()); !status.ok()) return status;
  }
  return {};
}

}  // namespace

std::filesystem::path pod_log_dir(const std::filesystem::path& data_dir, const std::string& ns, const std::string& name,
                                  const std::string& uid) {
  return data_dir / "logs" / (ns + "_" + name + "_" + uid);
}

cri::PodSandboxConfig sandbox_config(const SandboxInput& in) {
  const auto& pod = *in.pod;
  cri::PodSandboxConfig out;
  auto& meta = *out.mutable_metadata();
  meta.set_name(pod.metadata().name());
  meta.set_namespace_(pod.metadata().namespace_());
  meta.set_uid(pod.metadata().uid());
  meta.set_attempt(in.attempt);
  out.set_hostname(pod.spec().host_network() ? in.node_name : pod_hostname(pod));
  out.set_log_directory(in.log_directory);
  for (const auto& server : in.dns.servers) out.mutable_dns_config()->add_servers(server);
  for (const auto& search : in.dns.searches) out.mutable_dns_config()->add_searches(search);
  for (const auto& option : in.dns.options) out.mutable_dns_config()->add_options(option);
  if (!pod.spec().host_network()) set_ports(pod, out);
  *out.mutable_labels() = {pod.metadata().labels().begin(), pod.metadata().labels().end()};
  set_pod_labels(pod, *out.mutable_labels());
  *out.mutable_annotations() = {pod.metadata().annotations().begin(), pod.metadata().annotations().end()};
  auto& lnx = *out.mutable_linux();
  lnx.set_cgroup_parent(in.cgroup_parent);
  *lnx.mutable_security_context() = sandbox_security(pod);
  for (const auto& sysctl : pod.spec().security_context().sysctls())
    (*lnx.mutable_sysctls())[sysctl.name()] = sysctl.value();
  set_resources(pod_limits(pod), *lnx.mutable_resources());
  return out;
}

Expected<cri::CreateContainerRequest> container_request(const ContainerInput& in) {
  const auto& container = *in.container;
  if (in.image != nullptr) {
    if (auto status = check_non_root(*in.pod, container, *in.image); !status.ok()) return status;
  }
  cri::CreateContainerRequest out;
  out.set_pod_sandbox_id(in.sandbox_id);
  *out.mutable_sandbox_config() = *in.sandbox;
  auto& config = *out.mutable_config();
  config.mutable_metadata()->set_name(container.name());
  config.mutable_metadata()->set_attempt(static_cast<uint32_t>(in.restart_count));
  set_image(in, *config.mutable_image());
  const auto line = container_command(container, in.environment);
  for (const auto& word : line.command) config.add_command(word);
  for (const auto& word : line.args) config.add_args(word);
  config.set_working_dir(container.working_dir());
  for (const auto& [name, value] : in.environment) {
    auto& variable = *config.add_envs();
    variable.set_key(name);
    variable.set_value(value);
  }
  set_mounts(in, config);
  if (auto status = check_text(config); !status.ok()) return status;
  set_pod_labels(*in.pod, *config.mutable_labels());
  (*config.mutable_labels())[labels::kContainerName] = container.name();
  set_annotations(in, config);
  config.set_log_path(container.name() + "/" + std::to_string(in.restart_count) + ".log");
  config.set_stdin(container.stdin());
  config.set_stdin_once(container.stdin_once());
  config.set_tty(container.tty());
  config.set_stop_signal(stop_signal(container.lifecycle().stop_signal()));
  set_linux(in, *config.mutable_linux());
  return out;
}

}  // namespace gantry::node
