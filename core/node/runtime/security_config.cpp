#include "core/node/runtime/security_config.hpp"

#include <algorithm>
#include <string>

#include "core/node/runtime/labels.hpp"

namespace gantry::node {
namespace {

// What /proc and /sys tell of the host, or let change on it; as container engines hide them by default.
constexpr const char* kMasked[] = {"/proc/asound",     "/proc/acpi",        "/proc/interrupts",
                                   "/proc/kcore",      "/proc/keys",        "/proc/latency_stats",
                                   "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
                                   "/proc/scsi",       "/sys/firmware",     "/sys/devices/virtual/powercap"};
constexpr const char* kReadOnly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

template <typename Profile>
cri::SecurityProfile profile(const Profile& from) {
  cri::SecurityProfile out;
  if (from.type() == "Unconfined") out.set_profile_type(cri::SecurityProfile::Unconfined);
  if (from.type() == "Localhost") {
    out.set_profile_type(cri::SecurityProfile::Localhost);
    out.set_localhost_ref(from.localhost_profile());
  }
  return out;
}

cri::SecurityProfile unconfined() {
  cri::SecurityProfile out;
  out.set_profile_type(cri::SecurityProfile::Unconfined);
  return out;
}

void set_selinux(const corev1::SELinuxOptions& from, cri::SELinuxOption& to) {
  to.set_user(from.user());
  to.set_role(from.role());
  to.set_type(from.type());
  to.set_level(from.level());
}

template <typename Context>
void set_groups(const corev1::PodSecurityContext& pod, Context& to) {
  for (const auto group : pod.supplemental_groups()) to.add_supplemental_groups(group);
  if (pod.has_fs_group()) to.add_supplemental_groups(pod.fs_group());
  if (pod.supplemental_groups_policy() == "Strict") to.set_supplemental_groups_policy(cri::Strict);
}

bool any_privileged(const corev1::Pod& pod) {
  const auto privileged = [](const auto& container) { return container.security_context().privileged(); };
  const auto& spec = pod.spec();
  return std::any_of(spec.containers().begin(), spec.containers().end(), privileged) ||
         std::any_of(spec.init_containers().begin(), spec.init_containers().end(), privileged);
}

}  // namespace

cri::NamespaceOption namespace_options(const corev1::Pod& pod) {
  const auto& spec = pod.spec();
  cri::NamespaceOption out;
  out.set_network(spec.host_network() ? cri::NODE : cri::POD);
  out.set_ipc(spec.host_ipc() ? cri::NODE : cri::POD);
  out.set_pid(spec.host_pid() ? cri::NODE : spec.share_process_namespace() ? cri::POD : cri::CONTAINER);
  return out;
}

cri::LinuxSandboxSecurityContext sandbox_security(const corev1::Pod& pod) {
  const auto& from = pod.spec().security_context();
  cri::LinuxSandboxSecurityContext out;
  *out.mutable_namespace_options() = namespace_options(pod);
  out.set_privileged(any_privileged(pod));
  if (from.has_run_as_user()) out.mutable_run_as_user()->set_value(from.run_as_user());
  if (from.has_run_as_group()) out.mutable_run_as_group()->set_value(from.run_as_group());
  set_groups(from, out);
  if (from.has_se_linux_options()) set_selinux(from.se_linux_options(), *out.mutable_selinux_options());
  // pause needs nothing that the default profile forbids.
  *out.mutable_seccomp() = from.has_seccomp_profile() ? profile(from.seccomp_profile()) : cri::SecurityProfile();
  return out;
}

cri::LinuxContainerSecurityContext container_security(const corev1::Pod& pod, const corev1::Container& container) {
  const auto& outer = pod.spec().security_context();
  const auto& own = container.security_context();
  cri::LinuxContainerSecurityContext out;
  *out.mutable_namespace_options() = namespace_options(pod);
  out.set_privileged(own.privileged());
  out.set_readonly_rootfs(own.read_only_root_filesystem());
  for (const auto& name : own.capabilities().add()) out.mutable_capabilities()->add_add_capabilities(name);
  for (const auto& name : own.capabilities().drop()) out.mutable_capabilities()->add_drop_capabilities(name);
  if (own.has_run_as_user() || outer.has_run_as_user()) {
    out.mutable_run_as_user()->set_value(own.has_run_as_user() ? own.run_as_user() : outer.run_as_user());
  }
  if (own.has_run_as_group() || outer.has_run_as_group()) {
    out.mutable_run_as_group()->set_value(own.has_run_as_group() ? own.run_as_group() : outer.run_as_group());
  }
  set_groups(outer, out);
  out.set_no_new_privs(own.has_allow_privilege_escalation() && !own.allow_privilege_escalation());
  if (own.has_se_linux_options() || outer.has_se_linux_options()) {
    set_selinux(own.has_se_linux_options() ? own.se_linux_options() : outer.se_linux_options(),
                *out.mutable_selinux_options());
  }
  *out.mutable_seccomp() = own.privileged()              ? unconfined()
                           : own.has_seccomp_profile()   ? profile(own.seccomp_profile())
                           : outer.has_seccomp_profile() ? profile(outer.seccomp_profile())
                                                         : unconfined();
  if (own.has_app_armor_profile() || outer.has_app_armor_profile()) {
    *out.mutable_apparmor() =
        profile(own.has_app_armor_profile() ? own.app_armor_profile() : outer.app_armor_profile());
  }
  if (!own.privileged() && own.proc_mount() != "Unmasked") {
    for (const char* path : kMasked) out.add_masked_paths(path);
    for (const char* path : kReadOnly) out.add_readonly_paths(path);
  }
  return out;
}

Status check_non_root(const corev1::Pod& pod, const corev1::Container& container, const cri::Image& image) {
  const auto& outer = pod.spec().security_context();
  const auto& own = container.security_context();
  if (!(own.has_run_as_non_root() ? own.run_as_non_root() : outer.run_as_non_root())) return {};
  const std::string where = " (pod: \"" + pod_title(pod) + "\", container: " + container.name() + ")";
  if (own.has_run_as_user() || outer.has_run_as_user()) {
    const int64_t user = own.has_run_as_user() ? own.run_as_user() : outer.run_as_user();
    if (user != 0) return {};
    return Status::invalid("container's runAsUser breaks non-root policy" + where);
  }
  if (image.has_uid() && image.uid().value() == 0) {
    return Status::invalid("container has runAsNonRoot and image will run as root" + where);
  }
  if (!image.has_uid() && !image.username().empty()) {
    return Status::invalid("container has runAsNonRoot and image has non-numeric user (" + image.username() +
                           "), cannot verify user is non-root" + where);
  }
  return {};
}

}  // namespace gantry::node
