#include "seccomp.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "files.hpp"
#include "json.hpp"

namespace gantry::oci {

namespace json = boost::json;
namespace cri = gantry::runtime::v1;

namespace {

// Calls that reach beyond a container, and the capability that opens each group again. "" opens never.
struct Group {
  const char* capability;
  std::vector<const char*> calls;
};

const std::vector<Group>& groups() {
  static const std::vector<Group> all = {
      {"",
       {"add_key", "keyctl", "request_key", "kexec_load", "kexec_file_load", "nfsservctl", "uselib", "userfaultfd",
        "ustat", "sysfs", "_sysctl", "vm86", "vm86old", "get_mempolicy", "move_pages", "io_uring_setup",
        "io_uring_enter", "io_uring_register"}},
      {"SYS_ADMIN",
       {"mount", "umount", "umount2", "pivot_root", "setns", "unshare", "swapon", "swapoff", "quotactl", "quotactl_fd",
        "fanotify_init", "lookup_dcookie", "fsopen", "fsconfig", "fsmount", "fspick", "move_mount", "open_tree",
        "mount_setattr"}},
      {"BPF", {"bpf"}},
      {"PERFMON", {"perf_event_open"}},
      {"SYS_MODULE", {"init_module", "finit_module", "delete_module"}},
      {"SYS_RAWIO", {"iopl", "ioperm"}},
      {"SYS_BOOT", {"reboot"}},
      {"SYS_TIME", {"settimeofday", "stime", "clock_settime", "clock_settime64"}},
      {"SYS_PACCT", {"acct"}},
      {"SYS_NICE", {"mbind", "set_mempolicy"}},
      {"DAC_READ_SEARCH", {"open_by_handle_at", "name_to_handle_at"}},
      {"SYSLOG", {"syslog"}},
      {"SYS_TTY_CONFIG", {"vhangup"}},
  };
  return all;
}

bool has(const cri::LinuxContainerSecurityContext& context, const std::string& capability) {
  return std::ranges::any_of(context.capabilities().add_capabilities(), [&](std::string name) {
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::toupper(c); });
    if (name.starts_with("CAP_")) name.erase(0, 4);
    return name == "ALL" || name == capability || name == "SYS_ADMIN";
  });
}

json::value default_filter(const cri::LinuxContainerSecurityContext& context) {
  json::array denied;
  for (const auto& group : groups()) {
    if (*group.capability != 0 && has(context, group.capability)) continue;
    for (const auto* call : group.calls) denied.emplace_back(call);
  }
  json::array rules = {json::object{{"names", std::move(denied)}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", 1}}};
  if (!has(context, "SYS_ADMIN")) {
    // New namespaces by clone: any of the CLONE_NEW* flags. clone3 can't be looked into; ENOSYS makes libc use clone.
    constexpr uint64_t kNewNamespaces = 0x7E020000;
    for (int bit = 0; bit < 32; bit++) {
      const uint64_t flag = uint64_t{1} << bit;
      if ((kNewNamespaces & flag) == 0) continue;
      rules.push_back(json::object{
          {"names", json::array{"clone"}},
          {"action", "SCMP_ACT_ERRNO"},
          {"errnoRet", 1},
          {"args", json::array{json::object{
                       {"index", 0}, {"value", flag}, {"valueTwo", flag}, {"op", "SCMP_CMP_MASKED_EQ"}}}}});
    }
    rules.push_back(json::object{{"names", json::array{"clone3"}}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", 38}});
  }
  return json::object{{"defaultAction", "SCMP_ACT_ALLOW"}, {"syscalls", std::move(rules)}};
}

}  // namespace

Expected<json::value> seccomp_filter(const cri::LinuxContainerSecurityContext& context) {
  if (!context.has_seccomp()) return json::value();
  switch (context.seccomp().profile_type()) {
    case cri::SecurityProfile::Unconfined:
      return json::value();
    case cri::SecurityProfile::RuntimeDefault:
      return default_filter(context);
    default:
      break;
  }
  auto path = context.seccomp().localhost_ref();
  if (path.starts_with("localhost/")) path.erase(0, 10);
  const auto text = read_file(path, 4u << 20);
  if (!text) return Status(text.error()).in("seccomp profile");
  auto profile = parse_json(*text);
  if (!profile) return Status(profile.error()).in("seccomp profile " + path);
  return profile;
}

}  // namespace gantry::oci
